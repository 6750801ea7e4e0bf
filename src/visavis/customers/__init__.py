"""Folding entries into one person."""
