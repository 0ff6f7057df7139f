"""Runs: settings, preparing, training, the folder of a run, its report."""
