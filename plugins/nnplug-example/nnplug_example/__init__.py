"""Three parts for nnplug: squareplus, pinball and lion, each in its module."""
