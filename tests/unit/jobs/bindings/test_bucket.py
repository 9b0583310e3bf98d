from collections.abc import Iterator

import pytest
from unit.jobs.bindings.store import KINDS, MAX_BODY, NAME, Store, serve

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.daprkit.errors import InputUnavailable
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.object_lists import LOCAL, Listed
from meshlens.jobs.bindings.bucket import Bucket

OBJECTS = {
    "a.csv": b"1",
    "a.csv.bak": b"22",
    "a/1.csv": b"333",
    "a/b/2.csv": b"4444",
    "ab/3.csv": b"55555",
}


@pytest.fixture
def store() -> Store:
    return Store(objects=dict(OBJECTS))


@pytest.fixture
def bucket(store: Store) -> Iterator[Bucket]:
    with serve(store) as (bucket, _):
        yield bucket


def only(bucket: Bucket, name: str) -> Listed:
    found = bucket.find(name)
    assert found
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("", [*OBJECTS]),
        ("a", [*OBJECTS]),
        ("a/", ["a/1.csv", "a/b/2.csv"]),
        ("a/b/", ["a/b/2.csv"]),
        ("a.csv", ["a.csv", "a.csv.bak"]),
        ("z", []),
    ],
)
def test_objects_are_listed_by_how_their_names_begin(
    bucket: Bucket, store: Store, kind: str, prefix: str, names: list[str]
) -> None:
    store.kind = kind
    found = {listed.name: listed for listed in bucket.list(prefix)}
    assert sorted(found) == sorted(names)
    sizes = {listed.size for listed in found.values()}
    assert sizes == ({None} if kind == LOCAL and names else {len(OBJECTS[name]) for name in names})


@pytest.mark.parametrize("kind", KINDS)
def test_one_object_is_found_by_its_whole_name(bucket: Bucket, store: Store, kind: str) -> None:
    store.kind = kind
    found = bucket.find("a.csv")
    assert found
    assert found.name == "a.csv"
    assert bucket.find("a") is None
    assert bucket.find("a/1") is None
    assert bucket.read(found) == b"1"


@pytest.mark.parametrize(
    "names",
    [
        ["shelf/shelf/a", "shelf/a", "a"],
        ["shelf/shelf/a"],
        ["srv/data/shelf/a"],
        ["x/x/x/a", "x/x/x/b"],
    ],
)
def test_names_of_local_files_are_those_below_the_folder_of_the_binding(names: list[str]) -> None:
    """Its list has absolute paths, and does not say which folder they are of."""
    store = Store(LOCAL, dict.fromkeys(names, b"1"))
    with serve(store) as (bucket, _):
        assert sorted(listed.name for listed in bucket.list("")) == sorted(names)
        folder = names[0].rpartition("/")[0]
        below = [name for name in names if name.startswith(f"{folder}/")]
        assert sorted(listed.name for listed in bucket.list(f"{folder}/")) == sorted(below)


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_that_is_gone_is_said_to_have_changed(
    bucket: Bucket, store: Store, kind: str
) -> None:
    store.kind = kind
    listed = only(bucket, "a.csv")
    del store.objects["a.csv"]
    with pytest.raises(InputChanged, match=r"a\.csv must stay as it was .*, got no object"):
        bucket.read(listed)


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize("tag", ["", "no digest"])
@pytest.mark.parametrize("content", [b"2", b"22"])
def test_an_object_that_has_changed_is_not_read(
    bucket: Bucket, store: Store, kind: str, tag: str, content: bytes
) -> None:
    store.kind = kind
    if tag:
        store.tags["a.csv"] = tag
    listed = only(bucket, "a.csv")
    store.objects["a.csv"] = content
    if tag:
        store.tags["a.csv"] = f"another, {tag}"
    with pytest.raises(InputChanged):
        bucket.read(listed)


def test_a_tag_that_is_no_digest_costs_a_look(bucket: Bucket, store: Store) -> None:
    listed = only(bucket, "a.csv")
    store.calls.clear()
    assert bucket.read(listed) == b"1"
    assert store.calls == [("get", "a.csv")]
    store.tags["a.csv"] = "of several pieces-2"
    listed = only(bucket, "a.csv")
    store.calls.clear()
    assert bucket.read(listed) == b"1"
    assert store.calls == [("get", "a.csv"), ("list", "a.csv")]


def test_an_object_that_cannot_be_read_though_it_is_there_is_tried_again(
    bucket: Bucket, store: Store
) -> None:
    listed = only(bucket, "a.csv")
    store.broken.add("a.csv")
    with pytest.raises(InputUnavailable, match=r"must give 'a\.csv' by its operation get"):
        bucket.read(listed)
    assert store.calls.count(("get", "a.csv")) == 3

    def repair(name: str) -> None:
        if store.calls.count(("get", name)) == 5:
            store.broken.clear()

    store.before_get = repair
    assert bucket.read(listed) == b"1"


def test_a_larger_object_than_a_message_is_not_asked_for(bucket: Bucket, store: Store) -> None:
    store.objects["large"] = bytes(MAX_BODY + 1)
    listed = only(bucket, "large")
    with pytest.raises(InputUnavailable, match=f"at most {MAX_BODY} bytes, got {MAX_BODY + 1}"):
        bucket.read(listed)
    assert ("get", "large") not in store.calls


@pytest.mark.parametrize(
    ("name", "got"), [("nobody", "no component"), ("pubsub", r"pubsub\.redis")]
)
def test_what_is_no_binding_whose_lists_are_known_is_refused(name: str, got: str) -> None:
    with serve(Store()) as (_, settings):
        sidecar = Sidecar(settings)
        bucket = Bucket(sidecar, settings, name, pause=lambda _: None)
        with pytest.raises(InputUnavailable, match=rf"must be a binding of type .*, got {got};"):
            bucket.list("")
        sidecar.close()


def test_without_a_list_nothing_can_be_read_now(store: Store) -> None:
    with serve(store) as (bucket, settings):
        listed = only(bucket, "a.csv")
        store.broken.add("a.csv")
        store.kind = "bindings.http"
        sidecar = Sidecar(settings)
        other = Bucket(sidecar, settings, NAME, pause=lambda _: None)
        with pytest.raises(PartFailed, match="must be a binding of type"):
            other.read(listed)
        sidecar.close()
