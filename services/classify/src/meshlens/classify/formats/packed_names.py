"""The class names that ultralytics' exporters pack behind a .tflite file.

They are the key `names` of a document in the archive at the end of the file: metadata.json, or the
text of a Python dictionary, which is YAML, too, in older versions.
"""

import io
import zipfile

from meshlens.classify.formats.label_forms import decode_names
from meshlens.classify.formats.tflite import opening_archive, read_packed

_DOCUMENTS = ("metadata.json", "TFLITE_ULTRALYTICS_METADATA.json", "temp_meta.txt", "meta.txt")


def find_packed_names(data: bytes) -> tuple[str, ...]:
    """Return the names of the classes, none if the file has no such document.

    Raises:
        InvalidModel: the archive or the document is damaged.
    """
    stream = io.BytesIO(data)
    if not zipfile.is_zipfile(stream):
        return ()
    with opening_archive(), zipfile.ZipFile(stream) as archive:
        packed = [name for name in _DOCUMENTS if name in archive.namelist()]
        content = read_packed(archive, packed[0]) if packed else b""
    return decode_names(packed[0], content) if content else ()
