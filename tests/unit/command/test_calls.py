"""Commands that call an app do so through a sidecar that is there without being named."""

import pytest
import yaml
from documents import ROOT

from meshlens.command.dispatch import main


def test_a_rollout_needs_no_sidecar_of_jobs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAPR_HTTP_PORT", raising=False)
    run_file = yaml.safe_load((ROOT / "dapr/dapr.yaml").read_text())
    ports = {app["appID"]: app["daprHTTPPort"] for app in run_file["apps"]}
    with pytest.raises(SystemExit, match="0"):
        main(["models", "rollout", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert f"(default: http://127.0.0.1:{ports['pca']})" in shown


@pytest.mark.parametrize("words", [["models", "rollout", "digits"], ["jobs", "list"]])
def test_the_environment_names_another(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAPR_HTTP_PORT", "1")
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "a sidecar must answer at http://127.0.0.1:1, got: " in said
    assert "start the mesh (meshlens up" in said


@pytest.mark.parametrize(
    "words", [["1=90", "1=100"], ["1=100", "--label", "canary=1", "--label", "canary=2"]]
)
def test_what_is_said_twice_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["models", "rollout", "digits", "set", *words])
    assert "expected each name once" in capsys.readouterr().err
