"""Text with a delimiter between cells -> columns."""
