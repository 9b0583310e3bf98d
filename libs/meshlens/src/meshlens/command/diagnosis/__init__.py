"""What is wrong with a mesh: known traps of Dapr, found in its files and at its live sidecars."""
