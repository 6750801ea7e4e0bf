"""What lies on disk: entries, personal items and keys, each sealed under its person's key."""
