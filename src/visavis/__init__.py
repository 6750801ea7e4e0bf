"""Vis-à-vis: decides what two pairs of glasses show, the customer's and the employee's."""

__version__ = "0.1.0"
