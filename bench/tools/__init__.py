"""What a tool step costs over the bare SDK call, layer by layer, and 50 calls at once over one server's connection."""
