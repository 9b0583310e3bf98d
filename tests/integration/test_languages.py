"""Clients in Go, Node and Java call classify through two sidecars: every protocol, way and status.

A program makes all its calls at once, because the sidecar repeats some of them for five seconds.
The programs of docs/clients.md run, too.
"""

import base64
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from documents import block
from installed import need
from mesh import ROOT, Mesh
from statuses import COMING, MAX_BODY, MODEL, UNKNOWN, Statuses, statuses_mesh
from toolchains import CLIENTS, PAGE, make_go, make_java, make_node, run, run_json
from ways import Way, address_of

# The first build fetches and compiles what the programs need.
pytestmark = pytest.mark.timeout(900)

Answers = Mapping[tuple[str, Way, str], Mapping[str, str]]

SEVEN = (ROOT / "services/classify/samples/digit-7.png").read_bytes()
PROTOS = ROOT / "libs/daprkit/src"
# A model, and a picture for it.
CASES = {
    "ok": (MODEL, SEVEN),
    "400": (MODEL, b"no picture"),
    "404": (UNKNOWN, SEVEN),
    "429": (MODEL, bytes(MAX_BODY + 1)),
    "503": (COMING, SEVEN),
}
ERRORS = tuple(case for case in CASES if case != "ok")
WAYS = (Way.PREFIX, Way.HEADER, Way.BASIC, Way.ENDPOINT)
BY_SIDECAR = tuple((protocol, Way.PROXY) for protocol in ("invoke", "v2 gRPC", "tfs gRPC"))
BY_URL = tuple((protocol, way) for protocol in ("v2 REST", "tfs REST") for way in WAYS)

# How a stub's error is named, and one of the SDK.
EXCEPTIONS = {
    "go": ("*status.Error", "*status.Error"),
    "node": ("Error", "Error"),
    "java": ("io.grpc.StatusRuntimeException", "io.dapr.exceptions.DaprException"),
}
CODES = {
    "400": "INVALID_ARGUMENT",
    "404": "NOT_FOUND",
    "429": "RESOURCE_EXHAUSTED",
    "503": "UNAVAILABLE",
}
# How the text of an error begins; about a model, each protocol has its own.
TEXTS = {
    "400": "expected a picture (JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF), got 10 bytes",
    "429": f"body must have at most {MAX_BODY} bytes, got ",
}
TEXTS_OF_MODELS = {
    "invoke": {
        "404": "expected one of the models broken, coming, digits, got 'nobody'; check the name",
        "503": "model coming must be AVAILABLE, it is LOADING; try again in a moment",
    },
    "v2": {
        "404": "Request for unknown model: 'nobody' is not found",
        "503": "Request for unknown model: 'coming' version 1 is not at ready state",
    },
    "tfs": {
        "404": "Servable not found for request: Latest(nobody)",
        "503": "Servable not found for request: Latest(coming): version 1 is LOADING; try again",
    },
}


@dataclass(frozen=True)
class Programs:
    """What runs the programs of a language.

    Attributes:
        language: its name.
        client: that of tests/clients.
        page: that of the document.
    """

    language: str
    client: Sequence[str | Path]
    page: Sequence[str | Path]


def prepare(language: str, folder: Path) -> Programs:
    """Fetch and build what a language needs, and put its programs into a folder."""
    if language == "go":
        built = make_go()
        return Programs(language, [built / "caller"], [built / "page"])
    if language == "node":
        program = need("node", "apt-get install nodejs")
        # Node looks for packages in the folders above a program.
        (folder / "node_modules").symlink_to(make_node() / "node_modules")
        for name in ("package.json", "caller.js"):
            shutil.copy(CLIENTS / "node" / name, folder)
        (folder / "page.js").write_text(block(PAGE, "readFileSync"))
        client: list[str | Path] = [program, folder / "caller.js", PROTOS]
        return Programs(language, client, [program, folder / "page.js"])
    start = ["java", "-cp", make_java()]
    return Programs(language, [*start, "Caller"], [*start, "Digits"])


@pytest.fixture(scope="module", params=list(EXCEPTIONS))
def programs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """The programs of each language in turn."""
    return prepare(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def statuses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Statuses]:
    """A mesh that has room for all calls of a program."""
    with statuses_mesh(tmp_path_factory.mktemp("statuses"), places=100) as running:
        yield running


def sidecar_of(mesh: Mesh) -> dict[str, str]:
    """Return the environment of a program beside the sidecar of pca."""
    return {
        "DAPR_HTTP_PORT": str(mesh.http_port("pca")),
        "DAPR_GRPC_PORT": str(mesh.grpc_port("pca")),
    }


def address_in(mesh: Mesh, way: Way, language: str) -> dict[str, object]:
    """Return what a client in a language is given to come to classify."""
    if way is Way.PROXY:
        return {"app": "classify"}
    address = address_of(mesh, way)
    if address.basic is None or language == "go":
        return {"url": address.base, "headers": dict(address.headers or {})}
    user = base64.b64encode(":".join(address.basic).encode()).decode()
    return {"url": f"http://{address.url}", "headers": {"Authorization": f"Basic {user}"}}


@pytest.fixture(scope="module")
def seen(programs: Programs, statuses: Statuses) -> Answers:
    """What the client of a language has got, by protocol, way and case."""
    mesh = statuses.mesh
    calls = {
        (protocol, way, case): {
            "protocol": protocol,
            "model": model,
            "picture": base64.b64encode(picture).decode(),
            **address_in(mesh, way, programs.language),
        }
        for protocol, way in (*BY_SIDECAR, *BY_URL)
        for case, (model, picture) in CASES.items()
    }
    with statuses.loading():
        answers = run_json(programs.client, [*calls.values()], sidecar_of(mesh))
    return dict(zip(calls, answers, strict=True))


def code_of(language: str, case: str) -> str:
    """Return how a language calls a status of gRPC."""
    name = CODES[case]
    return name.title().replace("_", "") if language == "go" else name


def text_of(protocol: str, case: str) -> str:
    """Return how the text of an error begins."""
    return TEXTS.get(case) or TEXTS_OF_MODELS[protocol.split(maxsplit=1)[0]][case]


@pytest.mark.parametrize(("protocol", "way"), [*BY_SIDECAR, *BY_URL])
def test_a_client_gets_the_label_of_its_picture(seen: Answers, protocol: str, way: Way) -> None:
    assert seen[protocol, way, "ok"] == {"label": "7"}


@pytest.mark.parametrize("case", ERRORS)
@pytest.mark.parametrize("protocol", ["v2 gRPC", "tfs gRPC"])
def test_a_stub_raises_the_exception_of_its_language_with_status_and_text(
    programs: Programs, seen: Answers, protocol: str, case: str
) -> None:
    answer = seen[protocol, Way.PROXY, case]
    assert answer["exception"] == EXCEPTIONS[programs.language][0]
    assert answer["status"] == code_of(programs.language, case)
    assert answer["text"].startswith(text_of(protocol, case))


@pytest.mark.parametrize("case", ERRORS)
def test_an_sdk_raises_its_own_exception(programs: Programs, seen: Answers, case: str) -> None:
    answer = seen["invoke", Way.PROXY, case]
    assert answer["exception"] == EXCEPTIONS[programs.language][1]
    text = answer["text"]
    if programs.language == "go":
        # It calls by gRPC; the others by HTTP, where the body is the sidecar's.
        assert answer["status"] == code_of("go", case)
    else:
        assert answer["status"] == case
        text = json.loads(text)["message"] if programs.language == "node" else text
    if programs.language == "java":
        text = text.removeprefix(f"{CODES[case]}: ")
    assert text.startswith(text_of("invoke", case))


@pytest.mark.parametrize("case", ERRORS)
@pytest.mark.parametrize(("protocol", "way"), BY_URL)
def test_an_answer_by_http_has_the_status_and_the_body_that_its_door_keeps(
    seen: Answers, protocol: str, way: Way, case: str
) -> None:
    answer = seen[protocol, way, case]
    body = json.loads(answer["text"])
    if way.exact:
        assert answer["status"] == ("413" if case == "429" else case)
        assert body.keys() == {"error"}
        assert body["error"].startswith(text_of(protocol, case))
    else:
        assert answer["status"] == case
        assert body["message"].startswith(text_of(protocol, case))
    assert "exception" not in answer


def test_the_program_of_the_document_runs(programs: Programs, statuses: Statuses) -> None:
    printed = run(programs.page, ROOT, env=sidecar_of(statuses.mesh))
    # Go's SDK says on a line before that it connects.
    assert printed.splitlines()[-1] == "1.000000:7:7"


def test_fetch_refuses_a_url_with_a_user() -> None:
    program = "fetch('http://dapr-app-id:classify@127.0.0.1').catch((e) => console.log(e.message))"
    printed = run([need("node", "apt-get install nodejs"), "--eval", program], ROOT)
    assert "includes credentials" in printed


def test_the_lock_file_of_node_names_no_registry() -> None:
    assert '"resolved"' not in (CLIENTS / "node/package-lock.json").read_text()
