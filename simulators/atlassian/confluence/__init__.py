"""The simulated Confluence: spaces, pages with versions, comments, labels, and a subset of CQL."""
