"""Limits of callers, and what they have used."""
