"""The runtimes that execute models, behind one protocol."""
