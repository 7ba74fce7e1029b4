"""The part of `make bench` about the gateway: the same calls made direct, through Longhaul, and through LiteLLM."""
