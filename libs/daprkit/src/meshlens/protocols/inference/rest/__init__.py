"""The protocol over HTTP: JSON, and the binary extension beside it."""
