"""The connected home over MQTT: what a fridge reports, and the card on its screen."""
