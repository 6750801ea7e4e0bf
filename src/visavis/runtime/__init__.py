"""Running moments: load a customer, run one step, commit the entry, and only then answer."""
