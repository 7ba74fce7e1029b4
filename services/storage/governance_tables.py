"""The audit log, and settings with their versions."""
