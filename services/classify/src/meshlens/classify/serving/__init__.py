"""Which versions are served, loaded and unloaded, and when."""
