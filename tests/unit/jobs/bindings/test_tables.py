import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from unit.jobs.bindings.store import KINDS, NAME, Store, serve

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.batch.loop import run
from meshlens.batch.objects import FolderObjects
from meshlens.batch.steps import Steps
from meshlens.jobs.addresses import Address
from meshlens.jobs.bindings.bucket import Bucket
from meshlens.jobs.bindings.tables import BindingFiles
from meshlens.jobs.errors import InputNotAllowed, InvalidJob
from meshlens.jobs.tables import Tables
from meshlens.pca.batch.sources.table import TableSource, describe
from meshlens.pca.batch.threads import one_thread
from meshlens.pca.errors import InvalidTable

VALUES = np.random.default_rng(5).normal((1.0, 2.0, 3.0), size=(600, 3))
COUNT = 6


def npy(values: np.ndarray) -> bytes:
    with io.BytesIO() as file:
        np.save(file, values)
        return file.getvalue()


@pytest.fixture
def store() -> Store:
    pieces = np.split(VALUES, COUNT)
    objects = {f"tables/part-{number}.npy": npy(piece) for number, piece in enumerate(pieces)}
    others = {"tables/_SUCCESS": b"", "tables.old/a.npy": npy(VALUES), "deep/er/a.npy": b"0"}
    return Store(objects={**objects, **others})


@pytest.fixture
def bucket(store: Store) -> Iterator[Bucket]:
    with serve(store) as (bucket, _):
        yield bucket


@pytest.fixture
def allowed(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tables]:
    with serve(store) as (_, settings):
        monkeypatch.setenv("DAPR_GRPC_PORT", str(settings.dapr_grpc_port))
        monkeypatch.setenv("JOB_INPUTS", f"/srv,dapr://binding/{NAME}/tables")
        yield Tables()


def address(name: str = "tables") -> str:
    return f"dapr://binding/{NAME}/{name}"


def names_of(bucket: Bucket, *named: str) -> Sequence[str]:
    files = BindingFiles(bucket, [Address(NAME, name) for name in named])
    return [name.removeprefix(address("")) for name, _ in files.list()]


@pytest.mark.parametrize("kind", KINDS)
def test_objects_are_those_that_were_named_of_a_folder_or_of_a_pattern(
    bucket: Bucket, store: Store, kind: str
) -> None:
    store.kind = kind
    parts = [f"tables/part-{number}.npy" for number in range(COUNT)]
    assert names_of(bucket, "tables") == parts
    assert names_of(bucket, "tables/part-[23].npy") == parts[2:4]
    assert names_of(bucket, "**/part-?.npy") == parts
    assert names_of(bucket, parts[1], parts[0]) == parts[:2]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["tables", "tables/part-1.npy"], "each object must be named once"),
        (["deep"], r"got the folder 'er' in deep; name .* 'deep/\*\*/\*\.parquet'"),
        ([""], "got the folder 'deep' in the binding"),
        (["tables/*.csv"], r"none in the pattern dapr://binding/shelf/tables/\*\.csv"),
        (["none"], "none in the folder dapr://binding/shelf/none"),
    ],
)
def test_what_names_no_objects_of_one_table_is_refused(
    bucket: Bucket, named: Sequence[str], expected: str
) -> None:
    with pytest.raises(InvalidTable, match=expected):
        names_of(bucket, *named)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_has_the_bytes_of_that_of_a_folder(
    allowed: Tables,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    store.kind = kind
    folder = tmp_path / "tables"
    folder.mkdir()
    for name, data in store.objects.items():
        if name.startswith("tables/"):
            (tmp_path / name).write_bytes(data)
    options = {"k": 2, "standardize": True, "scores": True}
    of_binding, of_folder = FolderObjects(tmp_path / "one"), FolderObjects(tmp_path / "other")
    with one_thread():
        run(allowed, allowed.identify({"files": address(), **options}), of_binding)
        monkeypatch.setenv("JOB_INPUTS", str(tmp_path))
        local = Tables()
        run(local, local.identify({"files": str(folder), **options}), of_folder)
    assert of_binding.get("model.json") == of_folder.get("model.json")
    digests = [
        [objects.get(name) for name in objects.names("scores/")]
        for objects in (of_binding, of_folder)
    ]
    assert len(digests[0]) == COUNT
    assert digests[0] == digests[1]


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_that_changes_after_the_plan_is_never_added_up(
    allowed: Tables, store: Store, tmp_path: Path, kind: str
) -> None:
    store.kind = kind
    steps = Steps(allowed, FolderObjects(tmp_path))
    stage = steps.plan(allowed.identify({"files": address()}))
    store.objects["tables/part-3.npy"] = npy(VALUES[:100] + 1.0)
    with pytest.raises(InputChanged, match=r"part-3\.npy must stay"):
        steps.part(stage, 3, lambda: None)
    assert steps.part(stage, 2, lambda: None)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_objects_that_change_before_the_plan_are_not_planned(
    allowed: Tables, store: Store, tmp_path: Path, kind: str
) -> None:
    store.kind = kind
    identity = allowed.identify({"files": address()})
    store.objects["tables/part-3.npy"] = npy(VALUES[:100] + 1.0)
    with pytest.raises(InputChanged, match="must be what it was when the job was started"):
        Steps(allowed, FolderObjects(tmp_path)).plan(identity)


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_that_cannot_be_read_ends_its_part_by_its_name_and_rows(
    allowed: Tables, store: Store, tmp_path: Path, kind: str
) -> None:
    store.kind = kind
    steps = Steps(allowed, FolderObjects(tmp_path))
    stage = steps.plan(allowed.identify({"files": address()}))
    store.broken.add("tables/part-3.npy")
    with pytest.raises(PartFailed) as failed:
        steps.part(stage, 3, lambda: None)
    assert str(failed.value).startswith("tables/part-3.npy, rows 1 to 100: binding 'shelf' must")
    assert failed.value.remedy
    assert failed.value.places[0].file == "tables/part-3.npy"


def test_a_damaged_object_is_left_out_if_parts_may_be(
    allowed: Tables, store: Store, tmp_path: Path
) -> None:
    store.objects["tables/part-2.npy"] = store.objects["tables/part-2.npy"][:-1]
    result = run(
        allowed, allowed.identify({"files": address()}), FolderObjects(tmp_path), skip=True
    )
    assert result.summary["n"] == len(VALUES) * (COUNT - 1) / COUNT
    assert "tables/part-2.npy" in result.summary["first_left_out"]


@pytest.mark.parametrize(
    ("kind", "given"), [("binding", "tables.old"), ("binding", "*/part-0.npy"), ("binding", "")]
)
def test_other_objects_than_those_that_are_allowed_are_not_asked_for(
    allowed: Tables, store: Store, kind: str, given: str
) -> None:
    with pytest.raises(InputNotAllowed, match="JOB_INPUTS"):
        allowed.identify({"files": f"dapr://{kind}/{NAME}/{given}"})
    assert store.calls == []


@pytest.mark.parametrize(
    "files",
    [
        [address(), "/srv/a.csv"],
        [address(), "dapr://binding/other/a.csv"],
        f"{address()}/../tables.old",
        f"{address()}//a.csv",
        "dapr://state/store/key",
        "ftp://example.com/a.csv",
        [address(), "https://example.com/a.csv"],
    ],
)
def test_addresses_that_cannot_be_one_table_are_refused(allowed: Tables, files: object) -> None:
    with pytest.raises(InvalidJob) as refused:
        allowed.identify({"files": files})
    assert refused.value.option == "files"


def test_a_source_of_objects_reads_each_by_its_own_reader(bucket: Bucket, store: Store) -> None:
    store.objects = {"t/a.csv": b"x,y\n1,2\n3,4\n5,7\n", "t/b.csv": b"x,y\n6,1\n"}
    files = BindingFiles(bucket, [Address(NAME, "t")])
    source = TableSource(describe([]), files)
    blocks = [block.copy() for part in source.plan() for block in source.read(part)]
    assert np.concatenate(blocks).tolist() == [[1, 2], [3, 4], [5, 7], [6, 1]]
