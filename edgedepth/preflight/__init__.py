"""What can be known of an artifact without a phone."""
