"""The built-in parts: one module for each kind, each a plugin like any other."""

MODULES = (
    "activations",
    "layers",
    "losses",
    "optimizers",
    "initializers",
    "schedules",
    "metrics",
    "datasets",
    "recipes",
)
"""The modules of this package that have parts."""
