"""Deciding: wake, facts, eligible, score, arbitrate, explain. One file a step, in that order."""
