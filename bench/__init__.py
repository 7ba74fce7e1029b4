"""Benchmarks: Longhaul's requests against a minimal hand-written Temporal program of the same shape. Figures only, nothing asserted."""
