"""Measurements: what a memory recalls, what it leaves alone, what it costs."""
