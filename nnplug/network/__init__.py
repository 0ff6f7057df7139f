"""Networks: layers over one vector of parameters, and the outputs and targets of each task."""
