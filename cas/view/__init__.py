"""Layers and their union: one virtual directory in which the uppermost layer wins."""
