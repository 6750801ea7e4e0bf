"""Devices, both directions: one file or folder a family."""
