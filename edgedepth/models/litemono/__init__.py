"""Lite-Mono: four self-supervised depth networks of dilated convolutions and cross-covariance attention."""
