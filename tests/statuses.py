"""A mesh in which a test provokes each status of classify when it wants it, for any client.

    with statuses_mesh(tmp_path) as statuses:
        with statuses.full():
            ...  # classify has no free place: RESOURCE_EXHAUSTED, until the block ends

| status | how |
|---|---|
| ok | MODEL with its own shape |
| INVALID_ARGUMENT | MODEL with another shape |
| NOT_FOUND | the model UNKNOWN, or BROKEN, which could not be loaded |
| RESOURCE_EXHAUSTED | more than MAX_BODY bytes; anything while `full` |
| UNAVAILABLE | COMING while `loading`; anything that computes while `unconfirmed` |

What holds a call or a load is a named pipe, from which classify's sidecar reads for it.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_binding import local_binding
from mesh import ROOT, Answer, Mesh, Profile
from processes import eventually

from meshlens.classify.models import shipped_models

MODEL, UNKNOWN, BROKEN, COMING = "digits", "nobody", "broken", "coming"
MAX_BODY = 64 * 1024
# Longer than any test; what is held ends with its block.
_HELD_SECONDS = 600
_SEVEN = ROOT / "services/classify/samples/digit-7.png"
_DIGITS = shipped_models() / MODEL


@dataclass(frozen=True)
class Statuses:
    """The mesh; clients of classify call it through the sidecar of pca.

    Attributes:
        mesh: with HTTP listeners and HTTPEndpoints.
        pipes: the folder of the named pipes.
    """

    mesh: Mesh
    pipes: Path

    @contextmanager
    def full(self) -> Iterator[None]:
        """Let a call hold the only place of classify."""
        held = "classify", b"dapr://binding/pipes/picture", {"content-type": "text/uri-list"}
        with self._hold("picture", _SEVEN.read_bytes(), *held) as answer:
            yield
        assert answer[0].status == 200, answer[0].text

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Let COMING be LOADING."""
        version = f"models/{COMING}/versions/1"
        with self._hold("model", _read_digits(), f"{version}/load", b"", {}) as answer:
            yield
        assert b"AVAILABLE" in answer[0].body, answer[0].text
        assert self.mesh.call("pca", "classify", f"{version}/unload").status == 200

    @contextmanager
    def unconfirmed(self) -> Iterator[None]:
        """Let no event be published, so that every result is withheld."""
        self.mesh.stop_broker()
        yield
        self.mesh.start_broker()
        body = _SEVEN.read_bytes()
        eventually(
            lambda: self.mesh.call("pca", "classify", "classify", body).status == 200,
            "the sidecar has found the broker again",
        )

    @contextmanager
    def _hold(
        self, pipe: str, data: bytes, method: str, body: bytes, headers: dict[str, str]
    ) -> Iterator[list[Answer]]:
        """Hold a call at its pipe, then let it read `data` there; add its answer."""
        answers: list[Answer] = []
        path = self.pipes / pipe
        ends: list[int] = []

        def is_read() -> bool:
            assert not call.done(), call.result().text
            # Without a reader there is nobody to open it for.
            try:
                ends.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                return False
            return True

        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(
                self.mesh.call,
                *("pca", "classify", method, body),
                headers=headers,
                timeout=_HELD_SECONDS,
            )
            eventually(is_read, f"classify reads from {path}")
            os.set_blocking(ends[0], True)
            with open(ends[0], "wb") as end:  # noqa: PTH123 - a descriptor is no path
                try:
                    yield answers
                finally:
                    end.write(data)
            answers.append(call.result())


def _read_digits() -> bytes:
    (path,) = _DIGITS.glob("*/*.tflite")
    return path.read_bytes()


@contextmanager
def statuses_mesh(folder: Path, *, places: int = 1) -> Iterator[Statuses]:
    """Run the mesh.

    Args:
        folder: for all its files.
        places: how many calls classify admits; `full` needs one alone.
    """
    models, pipes, components = (folder / name for name in ("models", "pipes", "components"))
    for each in (models / BROKEN, pipes, components):
        each.mkdir(parents=True)
    shutil.copytree(_DIGITS, models / MODEL)
    (models / BROKEN / "broken.tflite").write_bytes(b"no model")
    digest = hashlib.sha256(_read_digits()).hexdigest()
    (models / f"{COMING}.yaml").write_text(
        f"model: {{type: tflite}}\nsource: {{uri: 'dapr://binding/pipes/model', sha256: {digest}}}"
    )
    for name in ("picture", "model"):
        os.mkfifo(pipes / name)
    (components / "pipes.yaml").write_text(local_binding("pipes", pipes))
    env = {
        "DEFAULT_MODEL": MODEL,
        "EVENTS": "confirmed",  # so that results are withheld
        "INPUT_BINDINGS": "pipes",
        "HTTP_METRICS": "true",
        "MAX_BODY": str(MAX_BODY),
        # Of a small one, a page of metrics that has just been read has most.
        "BODY_MEMORY": str(16 * MAX_BODY),
        # No version of it is loaded by itself.
        "MODEL_VERSIONS": f"{COMING}@2",
        "REQUEST_TIMEOUT": str(_HELD_SECONDS),
        # No model is there but at its origin.
        "STATE_STORE": "nowhere",
        "WORKERS": "1",
        "QUEUE_PER_WORKER": str(places),
    }
    mesh = Mesh(
        Profile.EMBEDDED,
        folder,
        models=models,
        env={"classify": env},
        sidecar_flags=("--resources-path", str(components)),
        listens=True,
    )
    with mesh:
        yield Statuses(mesh, pipes)
