"""Passes of Apple Wallet and Google Wallet, updated when the card changes."""
