"""Small numbers for the same depth: one file per format, and what decides which layers take them."""
