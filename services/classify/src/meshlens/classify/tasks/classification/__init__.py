"""Classification: an image -> labels with probabilities, and a verdict in words."""
