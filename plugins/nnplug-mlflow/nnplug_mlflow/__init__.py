"""Runs of nnplug, recorded in MLflow."""
