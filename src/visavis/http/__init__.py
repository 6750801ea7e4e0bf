"""What every HTTP endpoint shares: keys, requests, problem documents, the log of staff reads."""
