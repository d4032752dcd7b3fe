"""edgedepth: trained monocular-depth networks, exported to files that run fast and say what they are."""

__version__ = "0.1.0"
