"""A brand's strategy: read from its files, checked whole, and compiled."""
