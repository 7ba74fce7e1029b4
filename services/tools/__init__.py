"""Tool servers: one connection each, kept open by a task of its own, and what they offer and answer as typed values."""
