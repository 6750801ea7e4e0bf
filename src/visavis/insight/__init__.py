"""Data Intelligence, on views: what runs out, and when."""
