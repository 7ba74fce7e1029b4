"""The outside world, one package a subject; `storage`, `vault` and `net` are the shared ground of the others."""
