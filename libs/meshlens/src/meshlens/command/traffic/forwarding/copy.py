"""What passes a forwarder, kept for the recording."""


class Copy:
    """The pieces of a body that have passed, unless they are too many.

    Args:
        largest: bytes that are kept.

    Attributes:
        pieces: in their order; none if they were too many.
        whole: whether they are all there.
    """

    def __init__(self, largest: int) -> None:
        self._room = largest
        self.pieces: list[bytes] = []
        self.whole = True

    def keep(self, piece: bytes) -> bytes:
        """Keep a piece, and return it."""
        self._room -= len(piece)
        if self._room < 0:
            self.pieces.clear()
            self.whole = False
        else:
            self.pieces.append(piece)
        return piece
