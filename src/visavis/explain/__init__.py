"""Why a decision was taken, what would have changed it, and what sharing data brought."""
