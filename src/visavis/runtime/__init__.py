"""The shell: it loads a customer, runs one step, makes the entry durable, and only then lets anything out."""
