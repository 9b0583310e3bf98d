"""The HTTP listener: the routes by HTTP/1.1, with the bodies of errors that a sidecar replaces."""
