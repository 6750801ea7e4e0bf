"""A real year of 2,469 real households (*The Complete Journey*, 2017), lived moment by moment and scored."""
