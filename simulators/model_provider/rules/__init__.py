"""How the simulated model thinks: one file a task, pure functions from a document to an answer."""
