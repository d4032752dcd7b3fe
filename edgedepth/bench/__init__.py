"""Timing any exported file honestly: one protocol, one statistics module, raw samples kept."""
