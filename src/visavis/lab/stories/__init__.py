"""Play a strategy's stories with actors against a running engine."""
