"""The command `classify-models`: models of the catalogue, and those of a folder."""
