"""Vis-à-vis: the memory and the judgement behind two pairs of glasses, the customer's and the employee's."""

__version__ = "0.1.0"
