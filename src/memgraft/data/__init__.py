"""Seeded generators of training and test data."""
