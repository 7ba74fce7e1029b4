"""Benchmarks: our requests against a minimal hand-written Temporal program of the same shape. Nothing is asserted."""
