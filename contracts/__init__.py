"""What may be called: activity ports, workflow names with inputs and outputs, messages, task queues and policies."""
