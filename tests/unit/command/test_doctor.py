"""`meshlens doctor`: what it prints, and by which code it ends."""

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import block
from manifests import ROOT
from processes import free_ports
from seeds import CONFIG, PUBSUB, RUN_FILE, drop, plant, put, seed

from meshlens.command.diagnosis.checks.catalogue import CHECKS
from meshlens.command.diagnosis.report import tabulate_checks
from meshlens.command.doctor import main

PROG = "meshlens doctor"


def test_nothing_found_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(plant(tmp_path, []))], prog=PROG) == 0
    out, err = capsys.readouterr()
    assert out == "Nothing found.\n"
    assert not err


def test_a_finding_has_its_place_and_its_remedy_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = [
        seed("", RUN_FILE, put("common appMaxConcurrency", 1)),
        seed("", CONFIG, drop("spec metrics")),
    ]
    folder = plant(tmp_path, seeds)
    assert main([str(folder)], prog=PROG) == 1
    out = capsys.readouterr().out
    assert "error app-max-concurrency: app-max-concurrency on a gRPC app\n" in out
    place = f"{folder}/dapr.yaml RunFile common.appMaxConcurrency"
    assert f"  - {place}: expected no limit at the sidecar, got 1\n" in out
    assert "  Remove it; the services bound their work by WORKERS and QUEUE_PER_WORKER.\n" in out
    assert out.endswith("\n2 found: 1 errors, 1 warnings.\n")


def test_the_same_is_there_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = plant(tmp_path, [seed("", PUBSUB, put("spec metadata processingTimeout value", "60"))])
    assert main([str(folder), "--json"], prog=PROG) == 1
    facts = json.loads(capsys.readouterr().out)
    (finding,) = facts["findings"]
    assert finding["check"] == "processing-timeout"
    assert finding["severity"] == "error"
    assert finding["file"] == str(tmp_path / PUBSUB)
    assert finding["document"] == "Component/pubsub"
    assert finding["path"] == "spec.metadata[2].value"
    assert finding["got"] == "60 (a bare number is milliseconds)"
    assert finding["expected"] == "more than 30s, which a request may take"
    assert finding["fix"] == "Set it to twice REQUEST_TIMEOUT: 60s."
    assert facts["not_checked"] == facts["ignored"] == []


def test_what_a_file_holds_gives_a_terminal_no_orders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = [seed("", RUN_FILE, put("common appProtocol", "\x1b[2J\nhttp\u202e"))]
    assert main([str(plant(tmp_path, seeds))], prog=PROG) == 1
    assert "expected grpc, got \ufffd[2J http\ufffd\n" in capsys.readouterr().out


def test_a_password_that_is_found_in_the_wrong_place_is_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "components/redis", tmp_path / "redis")
    run_file = seed(
        "",
        RUN_FILE,
        put("common resourcesPaths", ["../redis", "."]),
        put("apps 0 env REDIS_PASSWORD", "hunter2"),
    )
    assert main([str(plant(tmp_path, [run_file])), "--json"], prog=PROG) == 1
    out = capsys.readouterr().out
    assert "unreached-environment" in out
    assert "hunter2" not in out


def test_all_checks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"], prog=PROG) == 0
    out = capsys.readouterr().out
    assert re.findall(r"^([\w-]+) \((?:error|warning)\): ", out, re.MULTILINE) == [
        check.id for check in CHECKS
    ]


def test_the_page_has_the_table_of_all_checks(capsys: pytest.CaptureFixture[str]) -> None:
    """`meshlens doctor --list --markdown` writes it, for docs/doctor.md."""
    assert main(["--list", "--markdown"], prog=PROG) == 0
    table = capsys.readouterr().out
    assert table == tabulate_checks(CHECKS) + "\n"
    assert table in (ROOT / "docs" / "doctor.md").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "expected files, folders or --sidecar ADDRESS, got none"),
        (["/nowhere"], "expected a file or a folder, got /nowhere, which is not there"),
        (["--sidecar", "3500"], "expected a sidecar as http://127.0.0.1:3500, got '3500'"),
        (["--sidecar", "http://["], "expected a sidecar as http://127.0.0.1:3500"),
        (["--sidecar", "ftp://host"], "expected a sidecar as http://127.0.0.1:3500"),
        (["--sidecar", f"http://127.0.0.1:{next(free_ports())}"], "Connection refused; is it up?"),
    ],
)
def test_what_cannot_be_examined_ends_with_2(
    words: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("DAPR_HTTP_PORT", raising=False)
    assert main(words, prog=PROG) == 2
    out, err = capsys.readouterr()
    assert err.startswith("meshlens doctor: ")
    assert says in err
    assert not out


def test_the_sidecar_of_the_environment_is_asked_if_none_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = next(free_ports())
    monkeypatch.setenv("DAPR_HTTP_PORT", str(port))
    assert main([], prog=PROG) == 2
    assert f"expected a sidecar at http://127.0.0.1:{port}" in capsys.readouterr().err


def test_the_standard_input_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "k8s/base/service/service.yaml").read_bytes()
    text += b"---\n" + (ROOT / "components/redis/pubsub.yaml").read_bytes()
    stdin = io.TextIOWrapper(io.BytesIO(text))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["-", "--json"], prog=PROG) == 1
    found = {it["check"] for it in json.loads(capsys.readouterr().out)["findings"]}
    assert found == {"missing-component", "missing-configuration", "inbound-retry"}


def test_without_kubectl_manifests_are_read_as_they_are_and_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main([str(ROOT / "k8s/overlays/prod")], prog=PROG) == 0
    out = capsys.readouterr().out
    assert "prod: read without its patches, since kubectl is not installed\n" in out
    assert shutil.which("kubectl") is None


def test_a_chart_is_rendered_by_helm_or_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chart, bin_ = tmp_path / "chart", tmp_path / "bin"
    (chart / "templates").mkdir(parents=True)
    bin_.mkdir()
    (chart / "Chart.yaml").write_text("name: chart")
    (chart / "templates" / "pubsub.yaml").write_text("{{ .Values }}: {")
    monkeypatch.setenv("PATH", str(bin_))
    assert main([str(chart)], prog=PROG) == 0
    assert f"{chart}: not rendered, since helm is not installed\n" in capsys.readouterr().out
    (bin_ / "helm").write_text(
        f"#!/bin/sh\n/bin/cat {ROOT}/components/redis/pubsub.yaml | /bin/sed s/100000/0/"
    )
    (bin_ / "helm").chmod(0o755)
    assert main([str(chart)], prog=PROG) == 1
    assert f"{chart} Component/pubsub spec.metadata[2].value" in capsys.readouterr().out
    (bin_ / "helm").write_text("#!/bin/sh\necho the chart is wrong >&2; exit 1")
    assert main([str(chart)], prog=PROG) == 1
    assert "expected what can be rendered, got the chart is wrong" in capsys.readouterr().out


def test_a_folder_that_refers_to_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [., ../x, '\\0']\nkind: Component")
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "dapr.yaml").write_text("apps: [{}]\ncommon: {resourcesPath: .}\n")
    done = subprocess.run(
        [sys.executable, "-m", "meshlens.command", "doctor", tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {0, 1}
    assert not done.stderr


@pytest.mark.slow
def test_the_commands_of_the_page_find_nothing_in_what_ships(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    commands = block("docs/doctor.md", "k8s/overlays/prod").splitlines()
    for command in commands:
        program, name, *words = shlex.split(command)
        assert (program, name) == ("meshlens", "doctor")
        assert main(words, prog=PROG) == 0
        assert capsys.readouterr().out == "Nothing found.\n"
    assert len(commands) == 2
