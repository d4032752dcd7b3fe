"""Exact rewrites of a network into operators that mobile accelerators run, one per file."""
