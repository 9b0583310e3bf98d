"""Shadows: a version that sees a share of a model's requests, and whose answers go nowhere."""
