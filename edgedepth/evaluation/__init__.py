"""Depth metrics, alignment protocols and dataset readers."""
