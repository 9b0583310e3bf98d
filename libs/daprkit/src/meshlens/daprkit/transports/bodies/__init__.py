"""Bodies: how many, and how large together, may be in memory."""
