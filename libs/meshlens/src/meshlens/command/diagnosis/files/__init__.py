"""From paths to documents: what is read, what is rendered, and what belongs together."""
