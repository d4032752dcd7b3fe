"""Tracing, lowering, conversion and verification: from a checkpoint to an artifact."""
