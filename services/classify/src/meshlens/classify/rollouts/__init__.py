"""Rollouts: where they are kept, and how each replica learns of them."""
