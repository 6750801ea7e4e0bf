"""Statistics: uplift on a holdout, calibration, objectives, and the simple methods to compare with."""
