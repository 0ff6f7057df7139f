"""Formulas: plain NumPy functions as graphs, their derivatives and their print."""
