"""What demonstrates and studies the product: stories, the stage, a year of real households."""
