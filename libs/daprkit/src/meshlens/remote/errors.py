"""What can go wrong with a file of the web.

RemoteError
|-- AddressRefused     the address, or one to which it redirects, must not be called
|-- AnswerRefused      the server answers, but not with the file, or as it should not
|-- FileMissing        the server has no such file
|-- FileChanged        the file is no longer the version that was found
`-- ServerUnavailable  the server does not answer, or not to the end; trying again may help
"""

from meshlens.faults import Fault


class RemoteError(Fault):
    """Base of every error of files of the web that is raised on purpose."""


class AddressRefused(RemoteError):
    """The address, or one to which it redirects, must not be called."""


class AnswerRefused(RemoteError):
    """The server answers, but not with the file, or as it should not."""


class FileMissing(RemoteError):
    """The server has no such file."""


class FileChanged(RemoteError):
    """The file is no longer the version that was found."""


class ServerUnavailable(RemoteError):
    """The server does not answer, or not to the end; trying again may help."""
