"""The records that every other package uses, frozen. Nothing here reads a clock, a file or a socket."""
