"""The hosts of the glasses page: the script of each draws a card there and reads its buttons."""
