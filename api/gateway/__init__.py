"""The gateway: model APIs that clients know (OpenAI's, Anthropic's), each call a workflow that outlives its client."""
