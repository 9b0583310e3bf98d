"""What keeps a diagnosis from being made."""


class DiagnosisError(Exception):
    """Nothing could be examined; the message says what was expected instead."""
