"""The blob store against real state stores, through a real sidecar."""

import hashlib
import secrets

import pytest
from dapr.proto import api_v1, common_v1

from meshlens.daprkit.errors import StoreUnavailable
from meshlens.daprkit.settings import MIB
from meshlens.daprkit.sidecar.blobs import BlobStore
from meshlens.daprkit.sidecar.channel import Sidecar

STORE = "statestore"


@pytest.fixture(scope="module")
def blobs(sidecar: Sidecar) -> BlobStore:
    return BlobStore(sidecar, store=STORE, timeout=10)


def overwrite(sidecar: Sidecar, key: str, value: bytes) -> None:
    sidecar.stub.SaveState(
        api_v1.SaveStateRequest(
            store_name=STORE, states=[common_v1.StateItem(key=key, value=value)]
        )
    )


@pytest.mark.parametrize("size", [1, 1000, MIB - 1, MIB, MIB + 1, 3 * MIB + 5, 6 * MIB])
def test_what_was_put_comes_back_under_its_sha256(blobs: BlobStore, size: int) -> None:
    data = secrets.token_bytes(size)
    name = blobs.put(data)
    assert name == hashlib.sha256(data).hexdigest()
    assert blobs.get(name) == data


def test_an_unknown_name_is_absent(blobs: BlobStore) -> None:
    assert blobs.get("0" * 64) is None


@pytest.mark.parametrize("size", [1000, 3 * MIB])
@pytest.mark.parametrize("damage", ["", "garbage", '{"chunks": 2}', '{"chunks": 99999999}'])
def test_a_damaged_head_makes_the_blob_absent(
    blobs: BlobStore, sidecar: Sidecar, size: int, damage: str
) -> None:
    name = blobs.put(secrets.token_bytes(size))
    overwrite(sidecar, name, damage.encode())
    assert blobs.get(name) is None


@pytest.mark.parametrize("position", [0, 2])
@pytest.mark.parametrize("keep", [0, 10, MIB - 1])
def test_a_chunk_that_is_cut_short_makes_the_blob_absent_until_it_is_put_again(
    blobs: BlobStore, sidecar: Sidecar, position: int, keep: int
) -> None:
    data = secrets.token_bytes(3 * MIB)
    name = blobs.put(data)
    overwrite(sidecar, f"{name}-{position}", data[position * MIB :][:keep])
    assert blobs.get(name) is None
    blobs.put(data)
    assert blobs.get(name) == data


def test_a_changed_byte_makes_the_blob_absent(blobs: BlobStore, sidecar: Sidecar) -> None:
    data = secrets.token_bytes(2 * MIB)
    name = blobs.put(data)
    overwrite(sidecar, f"{name}-1", bytes([data[MIB] ^ 1]) + data[MIB + 1 :])
    assert blobs.get(name) is None


@pytest.mark.parametrize("size", [1, MIB, 3 * MIB + 5])
def test_what_is_deleted_is_absent_with_all_its_chunks(
    blobs: BlobStore, sidecar: Sidecar, size: int
) -> None:
    name = blobs.put(secrets.token_bytes(size))
    blobs.delete(name)
    assert blobs.get(name) is None
    for key in (name, *(f"{name}-{position}" for position in range(4))):
        request = api_v1.GetStateRequest(store_name=STORE, key=key)
        assert sidecar.stub.GetState(request).data == b""


def test_deleting_what_is_absent_or_damaged_is_no_fault(blobs: BlobStore, sidecar: Sidecar) -> None:
    blobs.delete("0" * 64)
    name = blobs.put(secrets.token_bytes(10))
    overwrite(sidecar, name, b"garbage")
    blobs.delete(name)
    assert blobs.get(name) is None


def test_a_store_that_is_not_there_is_unavailable(sidecar: Sidecar) -> None:
    elsewhere = BlobStore(sidecar, store="no-such-store", timeout=5)
    with pytest.raises(StoreUnavailable, match="no-such-store"):
        elsewhere.put(b"x")
    with pytest.raises(StoreUnavailable, match="no-such-store"):
        elsewhere.get("0" * 64)
