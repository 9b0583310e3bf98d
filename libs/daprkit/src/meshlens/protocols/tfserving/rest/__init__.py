"""TensorFlow Serving over REST: JSON in, JSON out."""
