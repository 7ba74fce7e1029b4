"""Anthropic's Messages API as a door to the gateway: its bodies become the OpenAI API's, chunks become its events."""
