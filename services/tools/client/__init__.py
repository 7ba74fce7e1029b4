"""The MCP client: connections to tool servers, calls, lists, and what their answers mean."""
