"""Pages for people: a person's own page, the adviser's, the console."""
