"""The activity ports implemented: thin methods that check, call services and map errors to Temporal's."""
