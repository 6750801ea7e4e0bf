"""What people may ask: a copy, a correction, an erasure, a restriction, an objection.

And the proof that it was done.
"""
