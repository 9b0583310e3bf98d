"""Where models come from: folders, origins, the cache in the state store, the catalogue."""
