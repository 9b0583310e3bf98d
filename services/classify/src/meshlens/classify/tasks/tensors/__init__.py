"""Tensors: any inputs -> any outputs, as nested lists in JSON."""
