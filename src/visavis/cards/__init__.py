"""Words on a screen: from a decision to a card or a brief that fits a glance."""
