"""How an image gets from the bytes of a file into a model's tensor."""
