"""The built-in parts: one module for each kind, each a plugin like any other.

Where one file would be too long, the kind's module registers the parts of a
second one: `adam_variants` of optimizers, `piecewise` of schedules.
"""

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
    "encodings",
)
"""The modules of this package that have parts."""
