"""Detection: an image -> boxes around what is in it, as JSON or drawn."""
