"""The official MCP client, unmodified and in a process of its own, through two real sidecars."""

import base64
import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import documents
import pytest
from installed import need, need_module, skip
from jsonschema import Draft202012Validator
from local_binding import local_binding
from mesh import ROOT, Mesh, Profile
from processes import eventually, free_ports

EXAMPLES = ROOT / "examples"
PROGRAM = ROOT / "tests" / "clients" / "mcp_agent.py"
SAMPLES = ROOT / "services"
IRIS = (SAMPLES / "pca/src/meshlens/pca/web/samples/iris.csv").read_text()
SEVEN = base64.b64encode(
    (SAMPLES / "classify/src/meshlens/classify/web/samples/digit-7.png").read_bytes()
).decode()
CALLER = {"pca": "classify", "classify": "pca"}
TOOLS = {"pca": ["plot", "fit", "transform"], "classify": ["classify", "detect", "list_models"]}


def find_uv() -> str:
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        skip("uv is missing: run the tests by make")
    return uv


def skip_without_registry(error: str) -> None:
    if "Failed to fetch" in error or "error sending request" in error:
        skip(f"no package registry can be reached:\n{error}")


class Agent:
    """A running client, whose connection lasts."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.about = self._read()

    def ask(self, **line: object) -> Mapping[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        return self._read()

    def call(self, tool: str, **arguments: object) -> Mapping[str, Any]:
        return self.ask(tool=tool, arguments=arguments)

    def _read(self) -> Mapping[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            error = self._process.stderr.read()
            skip_without_registry(error)
            raise AssertionError(error)
        answer: Mapping[str, Any] = json.loads(line)
        return answer


@contextmanager
def agent(mesh: Mesh, service: str, mode: str, way: str = "prefix") -> Iterator[Agent]:
    """A client that calls a service by the sidecar of the other one."""
    base = mesh.http(CALLER[service])
    with connect(*ways(base, service, mode)[way]) as client:
        yield client


def ways(base: str, service: str, mode: str) -> Mapping[str, Sequence[str]]:
    return {
        "prefix": [f"{base}/v1.0/invoke/{service}/method/mcp", mode],
        "header": [f"{base}/mcp", mode, f"dapr-app-id={service}"],
    }


@contextmanager
def connect(*words: str) -> Iterator[Agent]:
    """A client with the words of its command line."""
    command = [find_uv(), "run", "--frozen", "--script", str(PROGRAM), *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield Agent(process)
        finally:
            process.kill()


@pytest.mark.parametrize("way", ["prefix", "header"])
@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
@pytest.mark.parametrize("service", ["pca", "classify"])
def test_the_client_lists_the_tools_of_both_services_by_every_way(
    mesh: Mesh, service: str, mode: str, version: str, way: str
) -> None:
    with agent(mesh, service, mode, way) as client:
        assert client.about["version"] == version
        assert client.about["server"]["name"] == service
        tools = client.ask(list=True)["tools"]
    assert [*tools] == TOOLS[service]
    for schema in tools.values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_agent_fits_projects_and_draws_a_table(mesh: Mesh, mode: str) -> None:
    with agent(mesh, "pca", mode) as client:
        fitted = client.call("fit", table=IRIS, k=2)
        model = fitted["structuredContent"]
        scores = client.call("transform", table=IRIS, fit=model["id"])["structuredContent"]
        picture = client.call("plot", table=IRIS, fit=model["id"], kind="biplot")
    assert json.loads(fitted["content"][0]["text"]) == model
    assert len(scores["scores"]) == 150
    image, summary = picture["content"]
    assert (image["type"], image["mimeType"]) == ("image", "image/svg+xml")
    assert base64.b64decode(image["data"]).startswith(b"<svg")
    assert json.loads(summary["text"]) == picture["structuredContent"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_agent_has_a_picture_classified(mesh: Mesh, mode: str) -> None:
    with agent(mesh, "classify", mode, "header") as client:
        models = client.call("list_models")["structuredContent"]["models"]
        plain = client.call("classify", image=SEVEN, model="digits", top_k=1)["structuredContent"]
        url = client.call("classify", image=f"data:image/png;base64,{SEVEN}", model="digits")
    assert ("digits", "AVAILABLE") in {(each["model"], each["state"]) for each in models}
    assert [each["label"] for each in plain["labels"]] == ["7"]
    assert url["structuredContent"]["labels"][0] == plain["labels"][0]


def test_an_agent_gets_a_plot_as_png(mesh: Mesh) -> None:
    need_module("cairosvg", "uv sync")
    with agent(mesh, "pca", "auto") as client:
        image, _ = client.call("plot", table=IRIS, format="png")["content"]
    assert (image["type"], image["mimeType"]) == ("image", "image/png")
    assert base64.b64decode(image["data"]).startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_agent_finds_the_faces_in_a_picture(faces_mesh: Mesh, shared: Path, mode: str) -> None:
    solvay = base64.b64encode((shared / "images/solvay.jpg").read_bytes()).decode()
    with agent(faces_mesh, "classify", mode) as client:
        found = client.call("detect", image=solvay, model="faces", top_k=3)["structuredContent"]
    assert (found["model"], found["width"], found["height"]) == ("faces", 960, 661)
    assert [box["label"] for box in found["boxes"]] == ["face"] * 3


def test_what_is_wrong_with_a_call_is_told_to_the_agent(mesh: Mesh) -> None:
    with agent(mesh, "pca", "auto") as client:
        failed = client.call("fit", table="1,2\n3")
        unknown = client.call("fit", table=IRIS, colour="red")
        none = client.call("forecast", table=IRIS)
    assert failed["isError"]
    assert "structuredContent" not in failed
    assert "equal" in failed["content"][0]["text"]
    assert "colour" in unknown["content"][0]["text"]
    assert none["error"]["code"] == -32602
    assert "plot, fit, transform" in none["error"]["message"]


@pytest.mark.parametrize(("service", "tool"), [("pca", "fit"), ("classify", "classify")])
@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_connection_survives_a_kill_of_the_service_between_two_calls(
    mesh: Mesh, service: str, tool: str, mode: str
) -> None:
    arguments = {"pca": {"table": IRIS}, "classify": {"image": SEVEN}}[service]
    with agent(mesh, service, mode) as client:
        before = client.call(tool, **arguments)
        mesh.restart_app(service)
        eventually(lambda: mesh.call(service, service, "mcp", b"{}").status == 200, "it is back")
        assert client.call(tool, **arguments) == before
        assert [*client.ask(list=True)["tools"]] == TOOLS[service]


def test_the_agent_of_the_examples_uses_the_tools_of_both_services(mesh: Mesh) -> None:
    points, cup = EXAMPLES / "points" / "iris.csv", ROOT / "services/classify/samples/coffee.jpg"
    done = subprocess.run(
        [find_uv(), "run", "--frozen", "--script", EXAMPLES / "agents" / "agent.py", points, cup],
        env={**os.environ, "DAPR_HTTP_PORT": str(mesh.http_port("pca"))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    skip_without_registry(done.stderr)
    assert done.returncode == 0, done.stderr
    classify, pca, picture, plot = done.stdout.splitlines()
    assert classify == f"classify: {', '.join(TOOLS['classify'])}"
    assert pca == f"pca: {', '.join(TOOLS['pca'])}"
    assert picture.startswith("coffee.jpg: espresso, p = ")
    assert plot.startswith("plot: image/svg+xml, ")


def test_the_commands_of_the_document(mesh: Mesh) -> None:
    need("curl", "apt-get install curl")
    command = documents.block("docs/clients.md", '"name": "fit"')
    here = command.replace("http://localhost:3500", mesh.http("pca"))
    done = subprocess.run(["/usr/bin/env", "sh", "-c", here], capture_output=True, check=True)
    result = json.loads(done.stdout)["result"]
    assert result["structuredContent"]["explained_variance_ratio"]


def test_a_picture_is_read_from_a_binding_that_the_operator_allows(tmp_path: Path) -> None:
    port = next(free_ports())
    for name in ("files", "components", "mesh"):
        (tmp_path / name).mkdir()
    (tmp_path / "files" / "seven.png").write_bytes(base64.b64decode(SEVEN))
    component = local_binding("photos", tmp_path / "files")
    (tmp_path / "components" / "photos.yaml").write_text(component)
    with (
        Mesh(
            Profile.EMBEDDED,
            tmp_path / "mesh",
            env={"classify": {"INPUT_BINDINGS": "photos", "HTTP_PORT": str(port)}},
            sidecar_flags=("--resources-path", str(tmp_path / "components")),
        ) as mesh,
        agent(mesh, "classify", "auto") as client,
    ):
        found = client.call("classify", image="dapr://binding/photos/seven.png", model="digits")
        missing = client.call("classify", image="dapr://binding/photos/eight.png")
        other = client.call("classify", image="dapr://binding/secrets/key")
        refused = mesh.call(
            "pca",
            "pca",
            "fit",
            b"dapr://binding/photos/x.csv",
            headers={"content-type": "text/uri-list"},
        )
        with connect(f"http://127.0.0.1:{port}/mcp", "auto") as direct:
            assert direct.call("classify", image=SEVEN, model="digits")["structuredContent"]
        listener = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        listener.request("GET", "/mcp")
        assert listener.getresponse().status == 405
        listener.close()
    assert found["structuredContent"]["labels"][0]["label"] == "7"
    assert "binding 'photos' must give 'eight.png'" in missing["content"][0]["text"]
    assert "INPUT_BINDINGS" in other["content"][0]["text"]
    assert refused.status == 400
