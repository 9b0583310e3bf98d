import glob
from pathlib import Path

import pytest

from meshlens.jobs.bindings.choosing import find_folder, find_root, is_hidden, matches

NAMES = ["a.csv", "t/a.csv", "t/b.npy", "t/u/a.csv", "t/u/v/a.csv", "s/u/a.csv"]


@pytest.mark.parametrize(
    "pattern",
    ["*.csv", "t/*.csv", "t/*", "t/**/a.csv", "**/a.csv", "*/u/[ab].csv", "t/?.npy", "**/u/**/a.*"],
)
def test_a_pattern_matches_the_names_that_it_would_match_as_paths(
    tmp_path: Path, pattern: str
) -> None:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    paths = glob.glob(pattern, root_dir=tmp_path, recursive=True)  # noqa: PTH207 - what is compared with
    files = sorted(path for path in paths if (tmp_path / path).is_file())
    assert [name for name in sorted(NAMES) if matches(name, pattern)] == files


@pytest.mark.parametrize(
    ("names", "root"),
    [
        (["t/a.csv"], "t"),
        (["a.csv"], ""),
        (["t/u/*.csv", "t/u/v/a.csv"], "t/u"),
        (["t/**/a.csv"], "t"),
        (["t/a.csv", "tt/a.csv"], ""),
        (["*/a.csv"], ""),
    ],
)
def test_the_root_is_the_folder_in_which_all_objects_are(names: list[str], root: str) -> None:
    assert find_root(names) == root
    assert len(names) > 1 or find_folder(names[0]) == root


def test_what_engines_leave_beside_their_files_is_hidden() -> None:
    assert is_hidden("t/_SUCCESS")
    assert is_hidden("_temporary/part.csv")
    assert is_hidden(".part.crc")
    assert not is_hidden("t/part_1.csv")
