"""The `longhaul` command: submits, watches and steers requests. It talks to the API only."""
