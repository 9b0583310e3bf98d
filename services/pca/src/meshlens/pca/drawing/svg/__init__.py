"""How it is written: marks, colours, stylesheet."""
