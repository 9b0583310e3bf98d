"""Versions that come into a folder or change: which are complete, and which are not yet."""

import hashlib
import logging
from pathlib import Path

import pytest
from unit.classify.models import build_model

from meshlens.classify.storage.completeness import MANIFEST
from meshlens.classify.storage.scanner import Scanner

MODEL = build_model(None)
DIGEST = hashlib.sha256(MODEL).hexdigest()


def place(folder: Path, *versions: str) -> Path:
    for version in versions:
        (folder / version).mkdir(parents=True)
        (folder / version / "m.tflite").write_bytes(MODEL)
    return folder


def versions(scanner: Scanner) -> list[str]:
    """The versions without a fault."""
    return [source.version for source in scanner.scan() if not source.error]


def test_a_version_counts_once_two_scans_find_the_same(tmp_path: Path) -> None:
    scanner = Scanner(place(tmp_path, "a/1"))
    place(tmp_path, "a/2")
    growing = tmp_path / "a/2/m.tflite"
    growing.write_bytes(MODEL[:100])
    assert [source.version for source in scanner.scan()] == ["1"]
    growing.write_bytes(MODEL)
    assert [source.version for source in scanner.scan()] == ["1"]
    assert scanner.pending == (("a", "2"),)
    assert [source.version for source in scanner.scan()] == ["1", "2"]
    assert not scanner.pending


def test_a_version_with_a_manifest_counts_when_it_agrees(tmp_path: Path) -> None:
    scanner = Scanner(place(tmp_path, "a/1"))
    place(tmp_path, "a/2")
    digest = hashlib.sha256(MODEL).hexdigest()
    (tmp_path / "a/2" / MANIFEST).write_text(f"{digest}  m.tflite\n{digest}  more.txt\n")
    for _ in range(3):
        assert versions(scanner) == ["1"]
    (tmp_path / "a/2/more.txt").write_bytes(MODEL)
    assert versions(scanner) == ["1", "2"]


@pytest.mark.parametrize(
    ("manifest", "fault"),
    [
        ("", f"{MANIFEST} does not name m.tflite"),
        ("\n", f"{MANIFEST} does not name m.tflite"),
        (f"{DIGEST}  labels.txt\n", f"{MANIFEST} does not name m.tflite"),
        (f"{DIGEST}  m.tflite\n", f"{MANIFEST} does not name labels.txt"),
        (f"{'0' * 64}  m.tflite\n{DIGEST}  labels.txt\n", "m.tflite has not the sha256"),
        (f"{DIGEST}  m.tflite\n{DIGEST}  labels.txt\n{DIGEST}  b", "b is missing"),
    ],
)
def test_a_manifest_that_does_not_vouch_for_every_file_vouches_for_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, manifest: str, fault: str
) -> None:
    scanner = Scanner(place(tmp_path, "a/1"))
    place(tmp_path, "a/2")
    (tmp_path / "a/2/labels.txt").write_bytes(MODEL)
    (tmp_path / "a/2" / MANIFEST).write_text(manifest)
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            assert versions(scanner) == ["1"]
    assert scanner.pending == (("a", "2"),)
    assert fault in scanner.scan()[1].error
    (told,) = caplog.messages
    assert told.startswith(f"model a version 2 is not complete: {fault}")
    whole = f"{DIGEST} *m.tflite\n{DIGEST}  ./labels.txt\n{'0' * 64}  {MANIFEST}\n"
    (tmp_path / "a/2" / MANIFEST).write_text(whole)
    assert versions(scanner) == ["1", "2"]


def test_half_a_model_beside_an_empty_manifest_is_not_taken(tmp_path: Path) -> None:
    scanner = Scanner(place(tmp_path, "a/1"))
    place(tmp_path, "a/2")
    (tmp_path / "a/2/m.tflite").write_bytes(MODEL[:100])
    (tmp_path / "a/2" / MANIFEST).touch()
    for _ in range(3):
        assert versions(scanner) == ["1"]


def test_a_manifest_names_every_file_of_a_saved_model_but_what_is_hidden(tmp_path: Path) -> None:
    scanner = Scanner(place(tmp_path, "a/1"))
    folder = tmp_path / "a/2"
    (folder / "variables").mkdir(parents=True)
    for name in ("saved_model.pb", "variables/variables.index", ".notes"):
        (folder / name).write_bytes(MODEL)
    (folder / MANIFEST).write_text(f"{DIGEST}  saved_model.pb\n")
    for _ in range(3):
        assert versions(scanner) == ["1"]
    with (folder / MANIFEST).open("a") as file:
        file.write(f"{DIGEST}  variables/variables.index\n")
    assert versions(scanner) == ["1", "2"]


def test_what_lies_outside_the_folder_of_a_manifest_counts_once_it_is_stable(
    tmp_path: Path,
) -> None:
    scanner = Scanner(place(tmp_path, "a/1"))
    (tmp_path / "files").mkdir()
    (tmp_path / "files/m.tflite").write_bytes(MODEL)
    (tmp_path / "files" / MANIFEST).write_text(f"{DIGEST}  m.tflite\n")
    (tmp_path / "b.yaml").write_text("{model: {path: files/m.tflite}, subject: cat}")
    assert [source.model for source in scanner.scan() if source.model == "b"] == []
    assert [source.model for source in scanner.scan() if source.model == "b"] == ["b"]


def test_labels_that_still_change_keep_a_version_waiting(tmp_path: Path) -> None:
    scanner = Scanner(place(tmp_path, "a/1"))
    place(tmp_path, "a/2")
    for labels in ("cat\n", "cat\ndog\n"):
        (tmp_path / "a/2/labels.txt").write_text(labels)
        assert versions(scanner) == ["1"]
    assert versions(scanner) == ["1", "2"]


def contents(scanner: Scanner) -> list[str]:
    return [source.content for source in scanner.scan()]


def test_a_version_that_stays_as_it_is_keeps_its_content(tmp_path: Path) -> None:
    scanner = Scanner(place(tmp_path, "a/1"))
    for _ in range(3):
        assert contents(scanner) == [""]
    assert not scanner.pending


def test_a_replaced_file_is_a_new_content_once_two_scans_find_the_same(tmp_path: Path) -> None:
    scanner = Scanner(place(tmp_path, "a/1"))
    file = tmp_path / "a/1/m.tflite"
    file.write_bytes(MODEL[:100])
    assert contents(scanner) == [""]
    file.write_bytes(MODEL + b"1")
    assert contents(scanner) == [""]
    assert scanner.pending == (("a", "1"),)
    (first,) = contents(scanner)
    assert first
    file.write_bytes(MODEL + b"2")
    assert contents(scanner) == [first]
    assert contents(scanner) not in ([""], [first])
    assert not scanner.pending


def test_a_file_that_is_only_touched_keeps_its_content(tmp_path: Path) -> None:
    scanner = Scanner(place(tmp_path, "a/1"))
    file = tmp_path / "a/1/m.tflite"
    file.write_bytes(MODEL + b"1")
    contents(scanner)
    known = contents(scanner)
    file.write_bytes(MODEL + b"1")
    assert contents(scanner) == contents(scanner) == known


@pytest.mark.parametrize("name", ["labels.txt", "m.txt", "subject.txt"])
def test_labels_and_subject_that_come_late_are_a_new_content(tmp_path: Path, name: str) -> None:
    scanner = Scanner(place(tmp_path, "a/1"))
    (tmp_path / "a/1" / name).write_text("cat\n")
    assert contents(scanner) == [""]
    assert contents(scanner) != [""]


def test_a_card_that_changes_is_read_again_once_it_is_stable(tmp_path: Path) -> None:
    place(tmp_path, "a/1")
    card = tmp_path / "a/1/card.yaml"
    card.write_text("subject: cat")
    scanner = Scanner(tmp_path)
    card.write_text("subject: do")
    assert [source.card.subject for source in scanner.scan()] == ["cat"]
    card.write_text("subject: dog")
    assert [source.card.subject for source in scanner.scan()] == ["cat"]
    assert [source.card.subject for source in scanner.scan()] == ["dog"]


def test_a_replaced_file_that_its_manifest_denies_is_a_fault_until_it_agrees(
    tmp_path: Path,
) -> None:
    place(tmp_path, "a/1")
    manifest = tmp_path / "a/1" / MANIFEST
    manifest.write_text(f"{DIGEST}  m.tflite\n")
    scanner = Scanner(tmp_path)
    changed = MODEL + b"1"
    (tmp_path / "a/1/m.tflite").write_bytes(changed)
    assert versions(scanner) == ["1"]
    assert "has not the sha256" in scanner.scan()[0].error
    manifest.write_text(f"{hashlib.sha256(changed).hexdigest()}  m.tflite\n")
    (source,) = scanner.scan()
    assert (source.error, bool(source.content)) == ("", True)


def test_a_version_that_goes_and_comes_back_is_new(tmp_path: Path) -> None:
    scanner = Scanner(place(tmp_path, "a/1", "a/2"))
    (tmp_path / "a/2/m.tflite").rename(tmp_path / "kept")
    assert versions(scanner) == ["1"]
    (tmp_path / "kept").rename(tmp_path / "a/2/m.tflite")
    assert versions(scanner) == ["1"]
    assert versions(scanner) == ["1", "2"]
