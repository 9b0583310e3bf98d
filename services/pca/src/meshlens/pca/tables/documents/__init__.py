"""JSON -> columns."""
