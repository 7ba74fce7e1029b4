"""A small OpenID provider: discovery, authorization code flow with PKCE, token endpoint, keys.

`python -m simulators.oidc_provider --port N` serves it; `create_app` in `app.py` builds it in a process. Whoever the
settings name signs in at once, without a page. What goes wrong, and when, is set at `/__sim/behaviour`: ID tokens with
a wrong nonce, audience, issuer, time or key, without a signature, endpoints that send elsewhere, are slow or too large.
"""
