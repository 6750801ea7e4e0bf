"""Cards by e-mail, with one click to answer and one to unsubscribe."""
