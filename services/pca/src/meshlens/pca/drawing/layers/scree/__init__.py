"""The layers of a scree plot."""
