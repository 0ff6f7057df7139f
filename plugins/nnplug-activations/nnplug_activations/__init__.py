"""Activations for nnplug beyond the built-in ones, a module for each family."""
