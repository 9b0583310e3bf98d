"""The jobs of a mesh on this host: placement, scheduler, sidecar and app, each kept alive."""
