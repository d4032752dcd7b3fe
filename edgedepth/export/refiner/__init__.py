"""Exporting a coarse model and its refiner as a pair of graphs."""
