"""What it brought, honestly: knowledge on recorded history, uplift on a holdout, probabilities that are true."""
