"""What can go wrong with a job of many pictures, besides `meshlens.batch.errors`.

Fault
|-- NoPictures          there is nothing to answer, or the place of the pictures cannot be listed
|-- WrongJobFolder      a folder that a job cannot be kept in: it holds another one, or other files
|-- UnreadablePicture   one picture cannot be read: it fails alone
`-- PictureTooLarge     one picture's file is larger than a picture may be: it fails alone
"""

from meshlens.faults import Fault


class NoPictures(Fault):
    """There is nothing to answer, or the place of the pictures cannot be listed."""


class WrongJobFolder(Fault):
    """A job cannot be kept in that folder: it holds another one, or other files."""


class UnreadablePicture(Fault):
    """One picture cannot be read."""


class PictureTooLarge(Fault):
    """The file of one picture is larger than a picture may be."""
