"""Google Glass: a timeline a person with our card in it, served as the Mirror API v1 was, and a Glass to look at it."""
