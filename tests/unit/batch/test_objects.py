import threading
from pathlib import Path

from meshlens.batch.objects import FolderObjects


def test_objects_come_back_as_they_were_put_and_are_listed_in_order(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "new" / "folder")
    assert objects.get("a/b") is None
    assert [*objects.names("")] == [*objects.names("a/")] == []
    for name in ("b", "a/2", "a/10", "a/b/c"):
        objects.put(name, name.encode())
    assert [*objects.names("")] == ["a/10", "a/2", "a/b/c", "b"]
    assert [*objects.names("a/")] == ["a/10", "a/2", "a/b/c"]
    assert objects.get("a/2") == b"a/2"
    objects.delete("a/2")
    objects.delete("a/2")
    assert objects.get("a/2") is None
    objects.put("c", b"soon", lasting=False)
    assert objects.get("c") == b"soon"


def test_whoever_reads_while_another_writes_sees_one_of_both_whole(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path)
    texts = [bytes([letter]) * 1_000_000 for letter in b"ab"]
    objects.put("text", texts[0])
    written = threading.Event()

    def write() -> None:
        for number in range(20):
            objects.put("text", texts[number % 2])
        written.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not written.is_set():
        assert objects.get("text") in texts
        assert [*objects.names("")] == ["text"]
    writer.join()
    assert [path.name for path in tmp_path.iterdir()] == ["text"]
