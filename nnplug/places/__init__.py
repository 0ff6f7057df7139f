"""Where tasks that do not depend on one another run: here, in processes, or on a cluster."""
