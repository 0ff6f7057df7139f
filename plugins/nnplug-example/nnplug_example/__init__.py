"""Four parts for nnplug: squareplus, l1_batch_norm, pinball and lion, each in its module."""
