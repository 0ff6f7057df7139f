"""Searching settings: ranges, trials, and the best of them."""
