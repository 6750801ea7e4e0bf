"""Consent: which moments are admitted, and what each purpose may read."""
