"""The list of what is kept, in real state stores, written by several replicas at once."""

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest
from dapr.proto import api_v1, common_v1
from processes import eventually

from meshlens.daprkit.errors import StoreUnavailable
from meshlens.daprkit.sidecar.blobs import BlobStore
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.listing import ListedBlobs, Listing
from meshlens.daprkit.sidecar.state import StateStore

STORE = "statestore"


@pytest.fixture
def state(sidecar: Sidecar) -> StateStore:
    return StateStore(sidecar, name=STORE, timeout=10)


@pytest.fixture
def key() -> str:
    """Of an index that no other test writes."""
    return f"list-{secrets.token_hex(8)}"


def test_only_who_has_read_the_last_value_replaces_it(state: StateStore, key: str) -> None:
    nothing = state.read(key)
    assert (nothing.value, nothing.etag) == (b"", "")
    assert state.replace(key, nothing, b"first", within=10)
    assert not state.replace(key, nothing, b"late", within=10)
    first = state.read(key)
    assert state.replace(key, first, b"second", within=10)
    assert not state.replace(key, first, b"late", within=10)
    assert state.read(key).value == b"second"


def test_replicas_that_add_at_once_lose_no_name(state: StateStore, key: str) -> None:
    def add(replica: int) -> list[str]:
        listing = Listing(state, key=key)
        return [name for number in range(8) if listing.add(name := f"{replica}-{number}")]

    with ThreadPoolExecutor(3) as replicas:
        listed = [name for names in replicas.map(add, range(3)) for name in names]
    # On a machine that is busy enough, one may not get its turn within a second.
    assert listed
    assert set(Listing(state, key=key).names()) >= set(listed)


def test_the_oldest_names_are_dropped(state: StateStore, key: str) -> None:
    listing = Listing(state, key=key, most=2)
    for name in ("a", "b", "c"):
        assert listing.add(name)
    assert listing.names() == ["c", "b"]


def test_a_mark_that_expires_takes_its_name_from_the_list(
    sidecar: Sidecar, state: StateStore, key: str
) -> None:
    listing = Listing(state, key=key)
    assert listing.add("stays")
    assert listing.add("goes")
    item = common_v1.StateItem(key=f"{key}-goes", value=b"1", metadata={"ttlInSeconds": "1"})
    sidecar.stub.SaveState(api_v1.SaveStateRequest(store_name=STORE, states=[item]))
    eventually(lambda: listing.names() == ["stays"], "the name has expired", within=20)


def test_blobs_are_listed_while_they_are_kept(
    sidecar: Sidecar, state: StateStore, key: str
) -> None:
    blobs = ListedBlobs(
        BlobStore(sidecar, store=STORE, timeout=10, chunk=100), Listing(state, key=key)
    )
    short, long = blobs.put(b"short"), blobs.put(secrets.token_bytes(250))
    assert blobs.names() == [long, short]
    assert blobs.has(short)
    assert blobs.has(long)
    blobs.delete(short)
    assert blobs.names() == [long]
    assert not blobs.has(short)
    assert blobs.get(short) is None


def test_a_store_that_is_not_there_lists_nothing_and_says_so(sidecar: Sidecar, key: str) -> None:
    listing = Listing(StateStore(sidecar, name="no-such-store", timeout=5), key=key)
    assert not listing.add("a")
    with pytest.raises(StoreUnavailable, match="no-such-store"):
        listing.names()
