"""What goes out (cards, webhooks) and what comes back of it."""
