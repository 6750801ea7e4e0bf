"""From a decision to the words of a card or a brief, and to their lines on a screen."""
