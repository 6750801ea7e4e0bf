"""The nouns: frozen records that every other room speaks in. Nothing here reads a clock, a file or a socket."""
