"""Files of the web: which addresses may be called, and their bytes by ranges."""
