"""Event files for TensorBoard, written while nnplug trains."""
