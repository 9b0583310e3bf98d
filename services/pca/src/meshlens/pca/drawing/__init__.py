"""A model and its observations -> an SVG picture."""
