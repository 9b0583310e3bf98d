"""Answers that are kept, so that the same request to the same model is not computed again."""
