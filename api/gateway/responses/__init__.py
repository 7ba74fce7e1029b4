"""OpenAI's Responses API as a door to the gateway: its stateless part. Bodies become chats, chunks its events."""
