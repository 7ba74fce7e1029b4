"""Signing in at OpenID providers: OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636)."""
