"""Envelope encryption of what must not lie in the database in the clear: credentials and tokens."""
