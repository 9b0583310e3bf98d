"""The engine on Dapr Workflow: workflows, activities, the worker, calls to its sidecar."""
