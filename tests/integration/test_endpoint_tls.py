"""The listener over TLS, called by sidecars through an HTTPEndpoint that says whom to trust."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from mesh import ROOT, SERVICES, Mesh, Profile
from tls_site import Certificate, make_certificate


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Certificate]:
    """One of each service, one of the callers of classify, and one that nobody trusts."""
    names = (*SERVICES, "caller", "stranger")
    return {name: make_certificate(tmp_path_factory.mktemp(name)) for name in names}


@pytest.fixture(scope="module")
def mesh(
    tmp_path_factory: pytest.TempPathFactory, certificates: Mapping[str, Certificate]
) -> Iterator[Mesh]:
    """A mesh with listeners over TLS; that of classify also asks its callers for a certificate."""
    env = {
        name: {
            "HTTP_CERTIFICATE": str(certificates[name].path),
            "HTTP_KEY": str(certificates[name].key),
        }
        for name in SERVICES
    }
    env["classify"]["HTTP_CLIENT_CA"] = str(certificates["caller"].path)
    more = tmp_path_factory.mktemp("endpoints")
    mesh = Mesh(
        Profile.EMBEDDED,
        tmp_path_factory.mktemp("mesh"),
        listens=True,
        env=env,
        sidecar_flags=("--resources-path", str(more)),
    )
    caller = certificates["caller"]
    known = {
        "rootCA": certificates["classify"].path,
        "certificate": caller.path,
        "privateKey": caller.key,
    }
    write_endpoint(more, mesh, "classify", "classify-known", known)
    write_endpoint(more, mesh, "pca", "pca-public", {})
    write_endpoint(more, mesh, "pca", "pca-other", {"rootCA": certificates["stranger"].path})
    with mesh as running:
        yield running


def write_endpoint(
    folder: Path, mesh: Mesh, app: str, name: str, files: Mapping[str, Path]
) -> None:
    """Write an endpoint like the one that ships, by another name and with what TLS needs."""
    endpoint = yaml.safe_load((ROOT / "components/http" / f"{app}-rest.yaml").read_text())
    endpoint["metadata"]["name"] = name
    endpoint["spec"]["baseUrl"] = f"https://127.0.0.1:{mesh.listener_port(app)}"
    texts = {key: {"value": path.read_text()} for key, path in files.items()}
    endpoint["spec"]["clientTLS"] = texts
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(endpoint))


def test_a_sidecar_that_trusts_the_certificate_gets_answers_as_they_are(mesh: Mesh) -> None:
    page = mesh.call("classify", "pca-rest", "openapi.json", verb="GET")
    assert (page.status, page.headers["Content-Type"]) == (200, "application/json")
    wrong = mesh.call("classify", "pca-rest", "plot", verb="GET")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "POST, PUT")


def test_a_sidecar_with_a_certificate_that_the_listener_trusts_gets_answers(mesh: Mesh) -> None:
    models = mesh.call("pca", "classify-known", "models", verb="GET")
    assert json.loads(models.body)["models"][0]["model"]
    unknown = mesh.call("pca", "classify-known", "v2/models/nothing", verb="GET")
    message = "Request for unknown model: 'nothing' is not found"
    assert (unknown.status, json.loads(unknown.body)) == (404, {"error": message})


@pytest.mark.parametrize(
    ("via", "name", "reason"),
    [
        ("classify", "pca-other", "certificate signed by unknown authority"),
        ("classify", "pca-public", "certificate signed by unknown authority"),
        ("pca", "classify-rest", "failed to invoke, id: classify-rest"),
    ],
)
def test_a_sidecar_that_does_not_trust_or_is_not_trusted_says_so(
    mesh: Mesh, via: str, name: str, reason: str
) -> None:
    answer = mesh.call(via, name, "home", verb="GET")
    said = json.loads(answer.body)
    assert (answer.status, said["errorCode"]) == (500, "ERR_DIRECT_INVOKE")
    assert reason in said["message"]
