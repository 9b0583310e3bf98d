from pathlib import Path

import pytest

from meshlens.daprkit.telemetry.memory import Memory, read_memory


def test_the_memory_of_a_container_is_without_what_the_kernel_can_drop(tmp_path: Path) -> None:
    assert read_memory(tmp_path) == Memory(None, None)
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 300\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert read_memory(tmp_path) == Memory(700, None)
    (tmp_path / "memory.max").write_text("4096\n")
    assert read_memory(tmp_path) == Memory(700, 4096)


@pytest.mark.parametrize(("limit", "said"), [("4096", 4096), ("9223372036854771712", None)])
def test_the_first_version_of_cgroups_says_it_too(
    tmp_path: Path, limit: str, said: int | None
) -> None:
    folder = tmp_path / "memory"
    folder.mkdir()
    (folder / "memory.usage_in_bytes").write_text("1000\n")
    (folder / "memory.stat").write_text("inactive_file 100\ntotal_inactive_file 300\n")
    (folder / "memory.limit_in_bytes").write_text(f"{limit}\n")
    assert read_memory(tmp_path) == Memory(700, said)


def test_a_limit_is_known_where_the_use_is_not(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("4096\n")
    assert read_memory(tmp_path) == Memory(None, 4096)


def test_the_limit_of_this_container_is_a_size_or_none() -> None:
    limit = read_memory().limit
    assert limit is None or limit > 2**20
