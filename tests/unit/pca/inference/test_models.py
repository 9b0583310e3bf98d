"""What clients of other model servers see of stored fits, by the server of the protocol."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from unit.pca.calls import Shelf, ask
from unit.pca.numbers.data import normal

from meshlens.daprkit.application.status import Refused, Status
from meshlens.daprkit.messages import Request
from meshlens.pca.errors import InvalidTable
from meshlens.pca.inference.models import FitModels
from meshlens.pca.inference.recent import RecentFits
from meshlens.pca.service import Service
from meshlens.pca.tables.binary.npy import encode_npy
from meshlens.protocols.inference.server import InferenceServer
from meshlens.protocols.inference.tensors import InferAnswer, InferRequest, InputTensor
from meshlens.protocols.models import Models

NOBODY = "0" * 64


@pytest.fixture
def server(shelf: Shelf) -> InferenceServer:
    models: Models = FitModels(shelf, RecentFits(shelf))
    return InferenceServer(models, name="pca", version="1", ready=lambda: True)


def make_fit(service: Service, values: NDArray[np.float64], **options: str) -> str:
    reply = service.fit(ask(encode_npy(values), "application/x-npy", **options))
    return str(json.loads(reply.body)["id"])


def infer(server: InferenceServer, model: str, values: NDArray[np.generic]) -> InferAnswer:
    datatype = {"f8": "FP64", "f4": "FP32", "f2": "FP16"}[values.dtype.str[1:]]
    sent = InputTensor("observations", datatype, values.shape, values.tobytes())
    return server.infer(InferRequest(model, "", [sent]))


def refusal_of(server: InferenceServer, request: InferRequest) -> tuple[Status, str]:
    with pytest.raises(Refused) as caught:
        server.infer(request)
    return caught.value.status, str(caught.value)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 300),
    p=st.integers(1, 40),
    options=st.sampled_from(
        [
            {},
            {"k": "1"},
            {"scaling": "standard"},
            {"scaling": "pareto", "divisor": "n"},
            {"log": "1p"},
            {"rotation": "varimax", "k": "2"},
        ]
    ),
)
def test_infer_gives_bit_for_bit_what_transform_does(
    seed: int, n: int, p: int, options: dict[str, str]
) -> None:
    shelf = Shelf()
    service = Service(shelf)
    server = InferenceServer(
        FitModels(shelf, RecentFits(shelf)), name="pca", version="1", ready=lambda: True
    )
    p = max(p, int(options.get("k", "1")))
    model = make_fit(service, np.exp(normal(seed, 50, p)), **options)
    values = np.exp(normal(seed + 1, n, p))
    body = encode_npy(values)
    reply = service.transform(ask(body, "application/x-npy", fit=model, diagnostics="true"))
    expected = json.loads(reply.body)
    outputs = {output.name: output.array for output in infer(server, model, values).outputs}
    assert list(outputs) == ["scores", "t2", "spe"]
    for name, array in outputs.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


def test_columns_in_another_order_give_transform_the_same_bits(service: Service) -> None:
    names = ["a", "b", "c", "d"]
    table = normal(3, 40, 4)

    def write(order: list[int]) -> bytes:
        rows = [[names[column] for column in order], *table[:, order].tolist()]
        return json.dumps(rows).encode()

    model = json.loads(service.fit(ask(write([0, 1, 2, 3]), "application/json")).body)["id"]
    answers = [
        json.loads(
            service.transform(
                ask(write(order), "application/json", fit=model, diagnostics="true")
            ).body
        )
        for order in ([0, 1, 2, 3], [3, 1, 0, 2])
    ]
    for name in ("scores", "t2", "spe"):
        assert answers[0][name] == answers[1][name]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_narrower_floats_are_the_numbers_that_they_are(
    service: Service, server: InferenceServer, dtype: type[np.generic]
) -> None:
    model = make_fit(service, normal(1, 20, 3))
    values = normal(2, 5, 3).astype(dtype)
    narrow, wide = infer(server, model, values), infer(server, model, values.astype(np.float64))
    for one, other in zip(narrow.outputs, wide.outputs, strict=True):
        assert one.array.tobytes() == other.array.tobytes()


def test_a_fit_is_described_by_its_observations_and_components(
    service: Service, server: InferenceServer
) -> None:
    model = make_fit(service, normal(1, 20, 5), k="2")
    metadata = server.describe(model)
    assert (metadata.name, metadata.versions, metadata.platform) == (model, ["1"], "meshlens_pca")
    inputs = [(it.name, it.datatype, list(it.shape)) for it in metadata.inputs]
    outputs = [(it.name, it.datatype, list(it.shape)) for it in metadata.outputs]
    assert inputs == [("observations", "FP64", [-1, 5])]
    assert outputs == [("scores", "FP64", [-1, 2]), ("t2", "FP64", [-1]), ("spe", "FP64", [-1])]


def test_the_index_lists_what_fit_has_kept_and_what_is_deleted_leaves_it(
    service: Service, server: InferenceServer
) -> None:
    old, new = (make_fit(service, normal(seed, 9, 2)) for seed in (1, 2))
    assert [(it.name, it.version, it.state) for it in server.index()] == [
        (new, "1", "READY"),
        (old, "1", "READY"),
    ]
    service.fits(replace(ask(b"", id_=old), verb="DELETE"))
    assert [it.name for it in server.index()] == [new]
    assert not server.is_ready(old)
    assert server.is_ready(new)
    assert server.is_ready(new, "1")
    assert not server.is_ready(new, "2")


def test_a_fit_that_this_replica_deletes_answers_no_more(service: Service) -> None:
    model = make_fit(service, normal(1, 9, 2))
    (route,) = (it for it in service.routes() if it.path == "v2/models/<name>")
    request = Request(
        method="",
        verb="GET",
        query={},
        content_type="",
        body=b"",
        headers={},
        parameters={"name": model},
    )
    assert json.loads(route.endpoint(request).body)["name"] == model
    service.fits(replace(ask(b"", id_=model), verb="DELETE"))
    with pytest.raises(Refused, match="is not found"):
        route.endpoint(request)


class Untouched(Shelf):
    """A store that nothing may be asked of."""

    def get(self, name: str) -> bytes | None:
        raise AssertionError(name)

    def names(self) -> list[str]:
        raise AssertionError("all names")


@pytest.mark.parametrize("path", ["", "/ready", "/config", "/stats"])
def test_a_name_that_no_fit_can_have_never_reaches_the_store(path: str) -> None:
    routes = {route.path: route for route in Service(Untouched()).routes()}
    request = replace(ask(b""), verb="GET", parameters={"name": "digits"})
    with pytest.raises(Refused, match="'digits' is not"):
        routes[f"v2/models/<name>{path}"].endpoint(request)


def test_names_in_the_index_that_are_no_ids_are_not_listed(
    shelf: Shelf, server: InferenceServer
) -> None:
    shelf.kept["../other"] = b"{}"
    assert server.index() == []


@pytest.mark.parametrize("name", ["", NOBODY, "digits", "A" * 64, "a/b"])
def test_what_is_not_stored_is_unknown_in_tritons_words(server: InferenceServer, name: str) -> None:
    assert refusal_of(server, InferRequest(name)) == (
        Status.NOT_FOUND,
        f"Request for unknown model: '{name}' is not found",
    )
    for call in (server.load, server.unload, server.describe):
        with pytest.raises(Refused, match="is not found") as caught:
            call(name)
        assert caught.value.status is Status.NOT_FOUND


def test_versions_and_labels_that_a_fit_lacks_are_refused(
    service: Service, server: InferenceServer
) -> None:
    model = make_fit(service, normal(1, 9, 2))
    for version in ("2", "01", "0"):
        assert refusal_of(server, InferRequest(model, version)) == (
            Status.NOT_FOUND,
            f"Request for unknown model: '{model}' version {version} is not found",
        )
    status, words = refusal_of(server, InferRequest(model, "stable"))
    assert status is Status.INVALID_ARGUMENT
    assert "specified version string 'stable'" in words


def test_loading_a_fit_succeeds_and_unloading_it_says_what_removes_it(
    service: Service, server: InferenceServer
) -> None:
    model = make_fit(service, normal(1, 9, 2))
    server.load(model)
    with pytest.raises(Refused, match=f"DELETE fits/{model} removes it") as caught:
        server.unload(model)
    assert caught.value.status is Status.UNIMPLEMENTED
    assert server.is_ready(model)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[1.0, np.nan], [2.0, 3.0]], "1 of 4 NaN, the first at row 1, column 2"),
        ([[1.0, 2.0], [np.inf, 3.0]], "every number must be finite, got inf at row 2, column 1"),
        ([[np.nan, -np.inf]], "every number must be finite, got -inf at row 1, column 2"),
        ([[1e300, -1e300]], "must be finite, got numbers too large"),
    ],
)
def test_numbers_that_have_no_scores_are_refused(
    service: Service, server: InferenceServer, values: list[list[float]], words: str
) -> None:
    model = make_fit(service, normal(1, 9, 2))
    with pytest.raises(InvalidTable, match=re.escape(words)):
        infer(server, model, np.array(values))
    assert server.statistics(model)[0].fail.count == 1


def test_numbers_without_a_logarithm_are_refused_as_transform_does(
    service: Service, server: InferenceServer
) -> None:
    model = make_fit(service, np.exp(normal(1, 9, 2)), log="e")
    with pytest.raises(InvalidTable, match="log=e needs numbers above 0, got -1 at row 1"):
        infer(server, model, np.array([[-1.0, 2.0]]))


def test_no_observation_at_all_is_refused(service: Service, server: InferenceServer) -> None:
    model = make_fit(service, normal(1, 9, 2))
    with pytest.raises(InvalidTable, match="at least one observation must be there"):
        infer(server, model, np.empty((0, 2)))


@pytest.mark.parametrize("shape", [(2, 3), (2,), (2, 1), (1, 2, 1)])
def test_another_number_of_variables_is_refused_in_tritons_words(
    service: Service, server: InferenceServer, shape: tuple[int, ...]
) -> None:
    model = make_fit(service, normal(1, 9, 2))
    sent = InputTensor("observations", "FP64", shape, np.ones(shape).tobytes())
    status, words = refusal_of(server, InferRequest(model, "", [sent]))
    assert status is Status.INVALID_ARGUMENT
    assert "unexpected shape for input 'observations'" in words
    assert "Expected [-1,2]" in words


def test_a_picture_is_no_observation(service: Service, server: InferenceServer) -> None:
    model = make_fit(service, normal(1, 9, 2))
    sent = InputTensor("observations", "BYTES", (1,), b"\x01\x00\x00\x00x")
    status, words = refusal_of(server, InferRequest(model, "", [sent]))
    assert status is Status.INVALID_ARGUMENT
    assert "data-type is 'BYTES'" in words
