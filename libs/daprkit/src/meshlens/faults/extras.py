"""What is installed: an extra that is missing, in one line."""


def explain_missing(error: ModuleNotFoundError, what: str, extra: str) -> str:
    """Return the message for something that needs an extra which is not installed.

    Args:
        error: names the module that is missing.
        what: needs it, such as serving.
        extra: with its distribution, such as meshlens-pca[serve].

    Raises:
        ModuleNotFoundError: the same, if the module is the project's own: that is no extra.
    """
    if error.name is None or error.name.partition(".")[0] == "meshlens":
        raise error
    name, _, rest = extra.partition("[")
    folder = name.removeprefix("meshlens-")
    return (
        f"{what} needs {extra}, got no module {error.name}; install it, in a clone of Meshlens:"
        f" uv tool install './services/{folder}[{rest}'"
    )
