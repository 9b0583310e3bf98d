"""How requests are read: options, bodies, batches."""
