"""The app's own sidecar: state, events, addresses of the mesh."""
