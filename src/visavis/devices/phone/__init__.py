"""The phone: an installable page, and Web Push to it."""
