"""Models come from the folder and from what MODEL_SOURCES names, and from nowhere else."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshlens.classify.errors import InvalidModel, OriginRefused
from meshlens.classify.storage.completeness import MANIFEST
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.places import ANYWHERE, Places, split_sources
from meshlens.classify.storage.scanner import Scanner
from meshlens.classify.storage.source import Source, read_model

SECRET = "swordfish: of-the-host"
OUT = "must be a file in the folder of models"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside that of the models, with what nobody may see."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text(SECRET)
    (folder / "model.tflite").write_bytes(b"a model of the host")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def find(folder: Path, setting: str = "*") -> Source:
    (source,) = find_models(folder, Places.of(setting, folder))
    return source


def texts_of(source: Source, folder: Path) -> Iterator[str]:
    """What a source says and gives, or why it does not."""
    yield source.error
    for read in (
        lambda: read_model(source),
        lambda: source.labels(folder),
        source.subject,
    ):
        try:
            yield str(read())
        except InvalidModel as error:
            yield str(error)


@pytest.mark.parametrize("target", ["absolute", "relative", "folder"])
def test_a_link_out_of_the_folder_is_refused(folder: Path, outside: Path, target: str) -> None:
    if target == "folder":
        (folder / "model").symlink_to(outside)
    else:
        to = outside if target == "absolute" else Path("../outside")
        (folder / "model.tflite").symlink_to(to / "model.tflite")
    source = find(folder)
    assert OUT in source.error
    assert "MODEL_SOURCES" in source.error
    with pytest.raises(InvalidModel, match=OUT):
        read_model(source)


@pytest.mark.parametrize("name", ["model.yaml", "labels.txt", "subject.txt", "named.txt"])
def test_no_link_shows_a_file_of_the_host(folder: Path, outside: Path, name: str) -> None:
    if name != "model.yaml":
        (folder / "model.tflite").write_bytes(b"a model")
    if name == "named.txt":
        (folder / "model.yaml").write_text("output: {label: named.txt}")
    (folder / name).symlink_to(outside / "secret.txt")
    source = find(folder)
    assert any(OUT in text for text in texts_of(source, folder))
    assert not any("swordfish" in text for text in texts_of(source, folder))
    shown = texts_of(next(iter(find_models(folder))), folder)
    assert any("swordfish" in text for text in shown), "or the test shows nothing"


def test_a_file_in_a_saved_model_that_is_a_link_out_of_it_is_refused(
    folder: Path, outside: Path
) -> None:
    (folder / "model/1/assets").mkdir(parents=True)
    (folder / "model/1/saved_model.pb").write_bytes(b"a graph")
    (folder / "model/1/assets/words").symlink_to(outside / "secret.txt")
    with pytest.raises(InvalidModel, match=f"words {OUT}"):
        read_model(find(folder))
    assert b"swordfish" in read_model(next(iter(find_models(folder))))


@pytest.mark.parametrize(
    "card",
    [
        "model: {path: ../outside/model.tflite}",
        "model: {path: 'a/../../outside/model.tflite'}",
        "model: {path: %s/model.tflite}",
        "output: {label: ../outside/secret.txt}",
        "output: {label: %s/secret.txt}",
    ],
)
def test_no_card_leads_out_of_the_folder(folder: Path, outside: Path, card: str) -> None:
    if card.startswith("output"):
        (folder / "a.tflite").write_bytes(b"a model")
    (folder / "a.yaml").write_text(card.replace("%s", str(outside)))
    source = find(folder)
    if not source.error:
        with pytest.raises(InvalidModel, match="inside the repository"):
            source.labels(folder)
    else:
        assert "inside the repository" in source.error


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("sha256", ["of it", "of another"])
def test_a_manifest_says_nothing_of_files_out_of_the_folder(folder: Path, sha256: str) -> None:
    (folder / "before.tflite").write_bytes(b"a model")
    scanner = Scanner(folder, Places.of("*", folder))
    (folder / "new").mkdir()
    (folder / "new/new.tflite").write_bytes(b"a model")
    digests = {
        "new.tflite": hashlib.sha256(b"a model").hexdigest(),
        "../../outside/secret.txt": hashlib.sha256(
            SECRET.encode() if sha256 == "of it" else b""
        ).hexdigest(),
    }
    lines = [f"{digest}  {name}\n" for name, digest in digests.items()]
    (folder / "new" / MANIFEST).write_text("".join(lines))
    scanner.scan()
    (found,) = (source for source in scanner.scan() if source.model == "new")
    assert "secret.txt is not in the folder of models" in found.error


def test_links_within_the_folder_and_to_it_are_followed(tmp_path: Path, folder: Path) -> None:
    (folder / "..2026/model").mkdir(parents=True)
    (folder / "..2026/model/model.tflite").write_bytes(b"a model")
    (folder / "..data").symlink_to("..2026")  # as Kubernetes lays out a volume
    (folder / "model").symlink_to("..data/model")
    (tmp_path / "link").symlink_to(folder)
    for place in (folder, tmp_path / "link"):
        assert read_model(find(place)) == b"a model"


def test_a_folder_that_the_operator_names_is_followed(folder: Path, outside: Path) -> None:
    (folder / "model.tflite").symlink_to(outside / "model.tflite")
    assert read_model(find(folder, f"*, {outside}")) == b"a model of the host"
    assert OUT in find(folder, f"*, {outside}-else").error


def test_a_link_that_changes_after_the_look_is_refused(folder: Path, outside: Path) -> None:
    (folder / "model.tflite").write_bytes(b"a model")
    source = find(folder)
    (folder / "model.tflite").unlink()
    (folder / "model.tflite").symlink_to(outside / "model.tflite")
    with pytest.raises(InvalidModel, match=OUT):
        read_model(source)


@pytest.mark.parametrize(
    ("address", "setting", "may"),
    [
        ("https://a.example/m.tflite", "*", True),
        ("https://a.example/m.tflite", "none", False),
        ("https://a.example/m.tflite", "https://a.example", True),
        ("https://a.example/m.tflite", "https://a.example:443/", True),
        ("https://A.EXAMPLE/m.tflite", "https://a.example", True),
        ("https://a.example:8443/m.tflite", "https://a.example", False),
        ("https://a.example.evil.example/m.tflite", "https://a.example", False),
        ("https://a.example@evil.example/m.tflite", "https://a.example", False),
        ("https://user:word@a.example/m.tflite", "https://a.example", True),
        ("https://b.example/m.tflite", "https://a.example,https://b.example", True),
        ("https://a.example/models/m.tflite", "https://a.example/models", True),
        ("https://a.example/models-of-others/m.tflite", "https://a.example/models", False),
        ("https://a.example/models/../m.tflite", "https://a.example/models", False),
        ("https://a.example/models/%2e%2e/m.tflite", "https://a.example/models", False),
        ("https://a.example/models/..%2fm.tflite", "https://a.example/models", False),
        ("https://a.example/models/..%5cm.tflite", "https://a.example/models", False),
        ("dapr://binding/models/m.tflite", "https://a.example", False),
        ("dapr://binding/models/m.tflite", "dapr://binding/models", True),
        ("dapr://binding/models-of-others/m.tflite", "dapr://binding/models", False),
        ("dapr://state/models/m.tflite", "dapr://binding/models", False),
        ("dapr://state/models/m.tflite", "/srv/models", False),
    ],
)
def test_an_address_is_one_that_the_setting_names(
    folder: Path, address: str, setting: str, *, may: bool
) -> None:
    places = Places.of(setting, folder)
    if may:
        places.check_address(address)
        return
    with pytest.raises(OriginRefused, match="MODEL_SOURCES") as refusal:
        places.check_address(address)
    assert "word" not in str(refusal.value)


@pytest.mark.parametrize(
    "setting",
    ["", "http://a.example", "a.example", "models", "https://", "*, https://[a", "none,*"],
)
def test_a_setting_that_names_no_place_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=r"sources must begin as https://host"):
        split_sources(setting)


def test_without_a_setting_everything_is_read(folder: Path, outside: Path) -> None:
    (folder / "model.tflite").symlink_to(outside / "model.tflite")
    (source,) = find_models(folder)
    assert source.places == ANYWHERE
    assert read_model(source) == b"a model of the host"
