"""The stage: a page that plays the stories and shows both pairs of glasses."""
