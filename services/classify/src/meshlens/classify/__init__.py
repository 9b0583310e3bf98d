"""Image inference: a picture in, labels with probabilities out."""
