"""A brand's folder, read into one validated strategy."""
