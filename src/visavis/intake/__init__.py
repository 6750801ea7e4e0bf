"""Vendor-neutral doors: how moments come in."""
