"""Optimizers for nnplug, in one module for each family."""
