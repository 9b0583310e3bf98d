"""What models do: classification, detection, tensors."""
