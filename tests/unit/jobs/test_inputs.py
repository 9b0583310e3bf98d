from pathlib import Path

import numpy as np
import pytest

from meshlens.classify.batch.errors import UnreadablePicture
from meshlens.jobs.addresses import Address
from meshlens.jobs.errors import InputNotAllowed
from meshlens.jobs.inputs import Inputs
from meshlens.jobs.pictures import AllowedPictures, Pictures
from meshlens.jobs.tables import Tables
from meshlens.pca.errors import InvalidOption


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Return a folder for jobs, beside one that is not."""
    for name in ("mine", "others"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "table.npy", np.eye(3))
    return tmp_path / "mine"


def test_without_the_setting_nothing_may_be_read(mine: Path) -> None:
    assert not Inputs.of("").allow(mine)
    assert Inputs.of("*").allow(mine)
    assert Inputs.of(f"/nowhere,{mine}").allow(mine / "below" / "it")


@pytest.mark.parametrize("path", ["others", "mine/../others", "mine/link", "mines"])
def test_what_is_elsewhere_is_refused_wherever_links_lead_to(mine: Path, path: str) -> None:
    (mine / "link").symlink_to(mine.parent / "others")
    with pytest.raises(InputNotAllowed, match="JOB_INPUTS"):
        Inputs.of(str(mine)).check(mine.parent / path, "folder")


@pytest.mark.parametrize(
    "files", ["others/table.npy", "others", "others/*.npy", "*/table.npy", "mine/*.npy"]
)
def test_tables_elsewhere_are_refused_in_folders_patterns_and_links(
    mine: Path, monkeypatch: pytest.MonkeyPatch, files: str
) -> None:
    monkeypatch.setenv("JOB_INPUTS", str(mine))
    (mine / "link.npy").symlink_to(mine.parent / "others" / "table.npy")
    with pytest.raises(InputNotAllowed, match="JOB_INPUTS"):
        Tables().identify({"files": str(mine.parent / files)})


def test_a_table_of_such_a_folder_is_read(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOB_INPUTS", str(mine))
    assert Tables().identify({"files": str(mine / "table.npy")})


def test_groups_of_a_table_in_parts_are_refused_at_once(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB_INPUTS", str(mine))
    with pytest.raises(
        InvalidOption, match=r"group='site' of one that has none; leave .* drop=site"
    ):
        Tables().identify({"files": str(mine / "table.npy"), "group": "site"})


def test_a_picture_that_is_a_link_to_elsewhere_is_not_read(mine: Path) -> None:
    (mine / "own.png").write_bytes(b"own")
    (mine.parent / "others" / "secret.png").write_bytes(b"secret")
    (mine / "link.png").symlink_to(mine.parent / "others" / "secret.png")
    pictures = AllowedPictures(Inputs.of(str(mine)), mine, [])
    link, own = pictures.list()
    assert pictures.read(own) == b"own"
    with pytest.raises(UnreadablePicture, match="JOB_INPUTS"):
        pictures.read(link)


def test_bindings_have_to_be_named_even_if_all_folders_are_allowed() -> None:
    photos = Address("photos", "2026/a.jpg")
    for setting in ("", "*", "/", "dapr://binding/photos/2025", "dapr://binding/tables"):
        with pytest.raises(InputNotAllowed, match="add dapr://binding/photos"):
            Inputs.of(setting).check_address(photos, "folder")
    for setting in ("dapr://binding/photos", "/srv, dapr://binding/photos/2026/"):
        Inputs.of(setting).check_address(photos, "folder")
        assert not Inputs.of(setting).allow(Path("/etc"))


def test_pictures_of_a_binding_that_is_not_allowed_are_not_asked_for() -> None:
    with pytest.raises(InputNotAllowed, match="JOB_INPUTS"):
        Pictures().identify({"folder": "dapr://binding/photos/2026"})
