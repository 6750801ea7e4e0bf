"""Customers as folds of entries."""
