"""Signing in to tool servers: OAuth grants, and tokens kept sealed and fresh."""
