"""Google Glass: a timeline a person, served as the Mirror API v1 was, and a Glass to look at it.

Our card is one of its items, its menu is the answer.
"""
