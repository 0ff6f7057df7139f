"""Losses for nnplug, one module a family; each entry point names the module of its part."""
