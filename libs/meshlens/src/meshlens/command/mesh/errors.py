"""What keeps the mesh from coming up."""


class MeshError(Exception):
    """The mesh did not come up; the message says what to do."""
