"""What self-supervised training computes: geometry, photometric error, smoothness, masks and likelihood."""
