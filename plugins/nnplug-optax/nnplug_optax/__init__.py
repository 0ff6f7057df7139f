"""The optimizers of optax as parts of nnplug."""
