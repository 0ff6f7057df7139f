"""Layers for nnplug, a module for each family."""
