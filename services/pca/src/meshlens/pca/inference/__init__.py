"""Stored fits as models that clients of other model servers call."""
