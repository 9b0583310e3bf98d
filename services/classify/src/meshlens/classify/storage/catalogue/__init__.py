"""Known models at their public origins, and the command that fetches them."""
