"""The mesh on this host: both services, each with its sidecar, started by the Dapr CLI."""
