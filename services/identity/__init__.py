"""Who may call: users, roles, keys, tokens, and how they are proved."""
