"""Decisions: :mod:`visavis.decide.deliberation` names the steps, the other files carry them out."""
