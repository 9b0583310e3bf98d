"""TensorFlow Serving's protocols over REST and gRPC, with that server's statuses and texts."""
