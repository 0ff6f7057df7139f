"""Comparisons of parts: paired seeds, a learning rate for each arm, and verdicts in words."""
