"""A year of 2,469 real households (The Complete Journey, 2017), simulated moment by moment and scored."""
