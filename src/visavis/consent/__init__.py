"""The room a data-protection officer reads first: what is let in, and who may see what."""
