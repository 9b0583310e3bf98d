"""Bytes of any accepted type -> a table of observations, and answers back to bytes."""
