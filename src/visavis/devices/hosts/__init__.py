"""The hosts of the one glasses page: each has a file here that says how it draws a card and what its buttons mean."""
