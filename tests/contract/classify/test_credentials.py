"""Credentials in the address of a model reach neither callers nor the log."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from contract.test_process import PATIENCE
from processes import eventually, free_ports
from tls_site import make_certificate, serving_site

from meshlens.classify.models import shipped_models
from meshlens.daprkit.client import CallError, Client

MODEL = (shipped_models() / "digits/1/digits.tflite").read_bytes()
DIGEST = hashlib.sha256(MODEL).hexdigest()
CARD = "source: {{uri: 'https://me:swordfish@127.0.0.1:{port}/{name}.tflite?sig=swordfish'{more}}}"


def test_no_answer_and_no_line_of_the_log_shows_them(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    folder = tmp_path / "models"
    folder.mkdir()
    with (
        serving_site(MODEL, certificate) as site,
        serving_site(b"", certificate) as refusing,
    ):
        refusing.status = 403
        cards = {
            "good": CARD.format(port=site.port, name="good", more=f", sha256: {DIGEST}"),
            "unpinned": CARD.format(port=site.port, name="unpinned", more=""),
            "refused": CARD.format(port=refusing.port, name="refused", more=""),
            "unreached": CARD.format(port=1, name="unreached", more=""),
            "mistaken": "source: {uri: 'ftp://me:swordfish@host/a.tflite'}",
            "unquoted": "source: {uri: 'https://me:swordfish@host/a.tflite}",
        }
        for name, card in cards.items():
            (folder / f"{name}.yaml").write_text(card)
        answer, log = models_of(folder, certificate.path, set(cards))
    errors = {model["model"]: model.get("error") for model in answer["models"]}
    assert not errors["good"]
    assert not errors["unpinned"]
    assert "403" in errors["refused"]
    assert all(errors[name] for name in ("unreached", "mistaken", "unquoted"))
    assert "swordfish" not in json.dumps(answer)
    assert f"sha256: {DIGEST}" in log
    assert "swordfish" not in log


def models_of(folder: Path, certificate: Path, names: set[str]) -> tuple[dict[str, Any], str]:
    """Return what classify says of its models once none is on the way, and its log."""
    port = next(free_ports())
    service = subprocess.Popen(
        [sys.executable, "-m", "meshlens.classify"],
        env={
            **os.environ,
            "APP_PORT": str(port),
            "DAPR_GRPC_PORT": "1",
            "EVENTS": "off",
            "LOG_LEVEL": "DEBUG",
            "MODELS": str(folder),
            "MODEL_VERSIONS": "all",
            "PRIVATE_ORIGINS": "true",
            "SSL_CERT_FILE": str(certificate),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    with Client(f"127.0.0.1:{port}") as client:

        def settled() -> dict[str, Any] | None:
            try:
                answer: dict[str, Any] = json.loads(client.invoke("classify", "models").body)
            except CallError:
                return None  # it has not begun to listen
            ends = {"AVAILABLE", "END"}
            done = {model["model"] for model in answer["models"] if model["state"] in ends}
            return answer if done == names else None

        try:
            answer = eventually(settled, "every model is loaded or has failed", within=PATIENCE)
        finally:
            service.terminate()
            _, log = service.communicate(timeout=PATIENCE)
    assert answer is not None
    return answer, log
