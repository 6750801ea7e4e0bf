"""Devices, both directions: one file a family."""
