"""Clients of other model servers, as they are: through a sidecar, and at the Services of listeners.

Runs before the walkthrough, which deletes everything, and after what calls without TensorFlow.
"""

import base64
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from cluster.caller import NAMESPACE, Caller, Request
from cluster.project import CLIENTS, SECURE, Project
from cluster.visitor import VISITOR, start_visitor
from documents import block
from mesh import ROOT
from tls_site import Certificate, make_certificate

# The prediction for a chopstick of 10 cm: the float32 of TensorFlow's own session, in 12 digits.
TEN = ["3.98174306027e-11", "1", "1.83699980923e-18"]
SEVEN = (ROOT / "services/classify/samples/digit-7.png").read_bytes()
TIMES = 30
PREDICT = "v1/models/<name>:predict"
BY_GRPC = "tensorflow.serving.PredictionService/Predict"
SIDECAR = "http://localhost:3500/v1.0/invoke"
SERVICE = "http://classify-rest"
SECURED = "pca-rest"
TOKEN = "swordfish-of-the-services"


@pytest.fixture(scope="module")
def offered(prod: Project) -> Project:
    """The project with TensorFlow and with listeners."""
    prod.apply(CLIENTS)
    prod.await_leavers()  # callers remember replicas without TensorFlow until then
    return prod


@pytest.fixture(scope="module")
def visitors(offered: Project) -> Mapping[str, Caller]:
    return start_visitor(offered)


@pytest.fixture
def chopstick(offered: Project, shared: Path) -> None:
    offered.offer_model(shared / "models" / "chopstick")


def counted(project: Project, method: str, before: Mapping[str, int]) -> list[int]:
    """How many calls of a method each replica of classify has answered since."""
    after = project.answered("classify", method)
    return [after[pod] - count for pod, count in before.items()]


@pytest.mark.usefixtures("chopstick")
def test_the_stub_of_tensorflow_serving_gets_a_chopstick_from_three_replicas(
    offered: Project, visitors: Mapping[str, Caller]
) -> None:
    before = offered.answered("classify", BY_GRPC)
    printed = visitors["tfserving_grpc"].run("predict.py", str(TIMES))
    answers = [json.loads(line) for line in printed.splitlines()]
    assert answers == [TEN] * TIMES
    counts = counted(offered, BY_GRPC, before)
    assert len(counts) == 3
    assert sum(counts) == TIMES
    assert min(counts) > 0, counts


@pytest.mark.usefixtures("chopstick")
def test_a_service_of_kubernetes_spreads_rest_over_three_replicas(offered: Project) -> None:
    body = b'{"instances": [{"chopstick_length": [10.0]}]}'
    request = Request(f"{SERVICE}/v1/models/chopstick:predict", body)
    before = offered.answered("classify", PREDICT)
    # No rule of Dapr's access control says who may do this.
    answers = offered.caller("stranger").fetch(*[request] * TIMES)
    for answer in answers:
        assert answer.code == "200", answer.text
        (numbers,) = json.loads(answer.text)["predictions"]
        assert [f"{number:.12g}" for number in np.array(numbers, np.float32)] == TEN
    counts = counted(offered, PREDICT, before)
    assert len(counts) == 3
    assert sum(counts) == TIMES
    assert min(counts) > 0, counts


def test_programs_of_the_page_run_in_a_pod(visitors: Mapping[str, Caller]) -> None:
    by_grpc = block("docs/kubernetes.md", "tensorflow_serving")
    assert visitors["tfserving_grpc"].run_text(by_grpc, SEVEN) == "7\n"
    by_rest = block("docs/kubernetes.md", "tritonclient.http")
    assert visitors["triton_rest"].run_text(by_rest, SEVEN) == "1.000000:7:7\n"


def test_listeners_answer_pods_and_keep_the_bodies_of_errors(offered: Project) -> None:
    picture = base64.b64encode(SEVEN).decode()
    tensor = {
        "name": "picture",
        "datatype": "BYTES",
        "shape": [1],
        "data": [picture],
        "parameters": {"content_type": "base64"},
    }
    infer = json.dumps({"inputs": [tensor]}).encode()
    rows = json.dumps({"instances": [{"b64": picture}]}).encode()
    live, ready, inferred, predicted, unknown, probed = offered.caller("stranger").fetch(
        Request(f"{SERVICE}/v2/health/live"),
        Request(f"{SERVICE}/v2/health/ready"),
        Request(f"{SERVICE}/v2/models/digits/infer", infer),
        Request(f"{SERVICE}/v1/models/digits:predict", rows),
        Request(f"{SERVICE}/v1/models/nobody:predict", rows),
        Request(f"{SERVICE}/readyz"),
    )
    assert (live.code, json.loads(live.text)) == ("200", {"live": True})
    assert (ready.code, json.loads(ready.text)) == ("200", {"ready": True})
    (output,) = json.loads(inferred.text)["outputs"]
    assert output["data"].index(max(output["data"])) == 7
    (row,) = json.loads(predicted.text)["predictions"]
    assert np.float32(row).tobytes() == np.float32(output["data"]).tobytes()
    message = "Servable not found for request: Latest(nobody)"
    assert (unknown.code, json.loads(unknown.text)) == ("404", {"error": message})
    assert (probed.code, probed.text) == ("200", "ok")


def test_sidecars_reach_listeners_as_endpoints_and_prod_allows_the_protocols(
    visitors: Mapping[str, Caller],
) -> None:
    by_endpoint, by_invoke, ready = visitors["triton_rest"].fetch(
        Request(f"{SIDECAR}/classify-rest/method/v2/models/nobody"),
        Request(f"{SIDECAR}/classify/method/v2/models/nobody"),
        Request(f"{SIDECAR}/classify/method/v2/health/ready"),
    )
    message = "Request for unknown model: 'nobody' is not found"
    assert (by_endpoint.code, json.loads(by_endpoint.text)) == ("404", {"error": message})
    assert (by_invoke.code, json.loads(by_invoke.text)["message"]) == ("404", message)
    assert ready.code == "200"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("listeners"), f"DNS:{SECURED}")


@pytest.fixture(scope="module")
def secured(offered: Project, certificate: Certificate) -> Project:
    """The same with pca's listener over TLS and with a token; one service shows it for both."""
    pem = certificate.path.read_text()
    files = {"tls.crt": pem, "tls.key": certificate.key.read_text(), "ca.crt": pem}
    secrets = (("listeners", files), ("app-token", {"token": TOKEN}))
    offered.apply_manifests(*(secret(name, values) for name, values in secrets))
    rendered = yaml.safe_load_all(offered.node.kubectl("kustomize", SECURE))
    own = {("Deployment", "pca"), ("Service", SECURED), ("HTTPEndpoint", SECURED)}
    named = [each for each in rendered if (each["kind"], each["metadata"]["name"]) in own]
    assert len(named) == len(own)
    offered.apply_manifests(*named)
    offered.await_rollouts()
    # A Service leads to the last old replica a moment longer than a rollout takes.
    offered.await_leavers()
    return offered


def secret(name: str, values: Mapping[str, str]) -> dict[str, object]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {**values}}


def test_a_secure_listener_answers_who_trusts_it_and_knows_the_token(
    secured: Project, certificate: Certificate, tmp_path: Path
) -> None:
    page = f"https://{SECURED}/openapi.json"
    asked = (
        Request(page),
        Request(page, headers={"dapr-api-token": TOKEN}),
        Request(f"https://{SECURED}/readyz"),
    )
    ask = partial(secured.caller("stranger").fetch, *asked)
    trusted = certificate.path.read_text()
    refused, answered, probed = ask(ca=trusted)
    assert (refused.code, answered.code, probed.code) == ("401", "200", "200")
    assert json.loads(answered.text)["openapi"].startswith("3.1")
    for answer in ask(ca=make_certificate(tmp_path, f"DNS:{SECURED}").path.read_text()):
        assert answer.code == "SSLCertVerificationError"


def test_sidecars_have_the_token_and_the_authority_from_the_secrets(
    secured: Project, visitors: Mapping[str, Caller]
) -> None:
    path = Request(f"{SIDECAR}/{SECURED}/method/openapi.json")

    def reached() -> bool:
        (answer,) = visitors["triton_rest"].fetch(path)
        return answer.code == "200"

    # The visitor's sidecar restarts for it.
    secured.node.eventually(reached, "the visitor's sidecar calls the endpoint as it is now")


@pytest.mark.usefixtures("visitors")  # who came before the endpoint changed
def test_a_changed_endpoint_restarts_the_sidecars_of_others_and_not_of_the_services(
    secured: Project,
) -> None:
    def restarts(pod: str) -> bool:
        return "triggering SIGHUP reload" in secured.kubectl("logs", pod, "--container=daprd")

    secured.node.eventually(lambda: restarts(VISITOR), "the visitor's sidecar restarts")
    assert not any(restarts(pod) for pod in secured.pods("classify"))
