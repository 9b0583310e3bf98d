"""The processes of the service: workers beside the app, and the watch over their sidecar."""
