"""Durable shells: read an event, let `domain` decide, run the commands. No I/O, no clock but the workflow's own."""
