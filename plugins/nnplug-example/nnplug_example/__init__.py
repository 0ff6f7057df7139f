"""Four parts for nnplug: squareplus, l1_batch_norm, pinball and tiger, each in its module."""
