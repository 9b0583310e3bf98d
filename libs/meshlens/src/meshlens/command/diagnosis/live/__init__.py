"""What a live sidecar, its process and its Redis say of themselves."""
