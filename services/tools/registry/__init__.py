"""The registry of tool servers: what is configured, what it offers, what may be used, and what has changed."""
