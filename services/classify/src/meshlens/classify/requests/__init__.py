"""How the body of a request is read: one image, or a batch of them."""
