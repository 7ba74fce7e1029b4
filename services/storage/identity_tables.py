"""Tenants, users, roles, grants, API keys and sessions."""
