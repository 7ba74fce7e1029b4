"""What the API takes and gives, as pydantic models; the domain's own values where they can be shown as they are."""
