"""Runtime: settings, clients and processes. What a program of ours needs before it can do its work."""
