"""JSON as text, and the tensors in it: bounded by the size of the body."""
