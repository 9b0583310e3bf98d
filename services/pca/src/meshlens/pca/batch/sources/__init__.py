"""Tables larger than memory: files of several formats, read in the parts their data cut."""
