"""What training a refiner of patches takes beyond other training: its losses and its noisy start."""
