"""What a person may ask of us, and how they can check that it was obeyed."""
