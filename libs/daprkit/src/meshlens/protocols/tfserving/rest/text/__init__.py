"""The JSON of a request."""
