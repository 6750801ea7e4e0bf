"""Estimates of what people need, computed from views."""
