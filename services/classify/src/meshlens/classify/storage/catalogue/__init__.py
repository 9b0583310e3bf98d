"""Known models at their public origins."""
