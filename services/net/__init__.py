"""The way out to addresses that users and admins give: only where it is allowed, and never through a side door."""
