"""A network: its layers over one vector of parameters, and what a task asks of it."""
