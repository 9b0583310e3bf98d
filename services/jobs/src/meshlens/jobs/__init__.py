"""Durable batch jobs as a Dapr app, on Dapr Workflow."""
