"""Where pictures are: their listing and their bytes."""
