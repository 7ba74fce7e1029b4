"""The schema's history. A new revision is a file in `versions/`; a test says whether it is complete."""
