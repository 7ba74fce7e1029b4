"""The HTTP API: starts, reads, messages and streams requests. It runs no work itself."""
