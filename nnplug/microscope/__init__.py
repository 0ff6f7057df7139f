"""One training step with all its numbers: what each unit computes, forwards and backwards."""
