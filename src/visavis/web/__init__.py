"""Pages for people at a desk or a counter."""
