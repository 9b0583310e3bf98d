"""The folder of a job: one job, which it is said in, and nothing of others."""

import json
from pathlib import Path

from meshlens.batch.job import Fields, encode
from meshlens.batch.objects import FolderObjects
from meshlens.batch.writing import is_beside
from meshlens.classify.batch.errors import WrongJobFolder

_MARK = "job.json"
# What differs, by the part of a job's identity.
_WORDS = {
    "place": "of another folder or other --glob",
    "listing": "of pictures that have changed since, or of more or fewer",
    "model": "by another model, or with other options of it",
    "format": "in another --format",
    "max_bytes": "with another --max-bytes",
}


def open_job_folder(folder: Path, identity: Fields, *, again: bool) -> FolderObjects:
    """Return the objects of a job, with what earlier runs of it have done.

    Args:
        folder: of this job, or empty, or not there.
        identity: of the job.
        again: forget what it holds, whichever job that is.

    Raises:
        WrongJobFolder: it is another job's, or holds what is no job.
    """
    objects = FolderObjects(folder)
    data = objects.get(_MARK)
    if data is None and folder.exists() and not all(is_beside(it.name) for it in folder.iterdir()):
        raise WrongJobFolder(
            f"{folder} must be the folder of a job, or empty",
            got="other files in it",
            remedy="name another folder by --job",
        )
    if data is not None and (again or data != encode(identity)):
        if not again:
            raise _differs(folder, json.loads(data), identity)
        for name in [*objects.names("")]:
            objects.delete(name)
    objects.put(_MARK, encode(identity))
    return objects


def _differs(folder: Path, there: Fields, identity: Fields) -> WrongJobFolder:
    differing = [word for name, word in _WORDS.items() if there.get(name) != identity[name]]
    return WrongJobFolder(
        f"{folder} must hold the answers of the same job",
        got=f"those {' and '.join(differing)}",
        remedy="name another folder by --job, or give --again to do that one anew",
    )
