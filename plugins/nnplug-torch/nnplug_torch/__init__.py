"""PyTorch's activations, losses and optimizers as parts of nnplug."""
