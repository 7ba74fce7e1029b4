"""An OAuth 2.1 authorization server and, behind it, an MCP server over streamable HTTP.

`python -m simulators.oauth_server --port N` serves both; `create_app` in `app.py` builds them in a process. The MCP
endpoint is `/mcp`; the authorization server lives under `/as`, so that only who reads the metadata finds it. There are
discovery (RFC 9728, RFC 8414), dynamic registration (RFC 7591), authorization code with PKCE (approved at once, without
a person), client credentials, refresh with rotation where a refresh token that is used twice ends the whole sign-in,
and RFC 9207's `iss`. What goes wrong, and when, is set at `/__sim/`.
"""
