"""The command `classify batch`."""
