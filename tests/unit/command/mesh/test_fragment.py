"""Apps of one's own in a run file, beside the services."""

from pathlib import Path

import pytest

from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.fragment import join_app, read_fragment
from meshlens.command.mesh.resources import locate_resources


def put(folder: Path, text: str) -> Path:
    file = folder / "mine.yaml"
    file.write_text(text)
    return file


def test_folders_are_relative_to_the_file(tmp_path: Path) -> None:
    file = put(tmp_path, "apps: [{appID: a, appDirPath: ../there}, {appID: b}]")
    assert [app["appDirPath"] for app in read_fragment(file)] == [
        f"{tmp_path}/../there",
        str(tmp_path),
    ]


def test_components_of_ones_own_come_after_those_of_the_mesh(tmp_path: Path) -> None:
    (app,) = read_fragment(put(tmp_path, "apps: [{appID: a, resourcesPaths: [./parts]}]"))
    resources = locate_resources(Path("/mesh"), "redis")
    paths = join_app(app, resources)["resourcesPaths"]
    assert paths == ["/mesh/.dapr/mesh/redis", f"{tmp_path}/parts"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("apps: [", "must be YAML such as"),
        ("common: {}", "must have a list of apps"),
        ("apps: []", "must have a list of apps"),
        ("[1]", "must have a list of apps"),
        ("apps: [{command: [true]}]", "must have an appID, got {'command'"),
        ("apps: [{appID: pca}]", "pca in .* is in the mesh already"),
    ],
)
def test_a_file_that_is_no_run_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(MeshError, match=says):
        read_fragment(put(tmp_path, text))


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match=r"mine\.yaml cannot be read: No such file"):
        read_fragment(tmp_path / "mine.yaml")
