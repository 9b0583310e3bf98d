"""`classify-models show` says what files are, and which form of them would be faster."""

import json
from pathlib import Path

import pytest
from unit.classify.graphs import convolve, weights

from meshlens.classify.model_files import cli

UNSIGNED = weights((8, 3, 3, 4), "uint8", scale=0.1, zero=128)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of models of several kinds."""
    (tmp_path / "old.tflite").write_bytes(convolve(UNSIGNED))
    (tmp_path / "finds.tflite").write_bytes(convolve(UNSIGNED))
    (tmp_path / "finds.yaml").write_text("model: {path: finds.tflite}\ntask: detect\n")
    (tmp_path / "graph.pb").write_bytes(b"graph")
    (tmp_path / "torch.pt").write_bytes(b"")
    return tmp_path


def test_every_version_has_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", "--models", str(folder)]) == 0
    found = {line.partition(":")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert found.keys() == {"finds@1", "graph@1", "old@1", "  INT8_FOR_UINT8", "torch@1"}
    assert found["old@1"].startswith("old@1: tflite, uint8 weights, ")
    assert found["graph@1"] == "graph@1: frozen_graph, 5 bytes"
    assert "PyTorch" in found["torch@1"]


def test_a_program_gets_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", "old", "--json", "--models", str(folder)]) == 0
    fields = json.loads(capsys.readouterr().out)
    (advice,) = fields.pop("advice")
    assert fields.pop("size") == (folder / "old.tflite").stat().st_size
    assert fields == {"model": "old", "version": "1", "kind": "tflite", "weights": "uint8"}
    assert (advice["reason"], advice["to"], advice["cpu"]) == ("INT8_FOR_UINT8", "int8", 0.72)


@pytest.mark.parametrize(
    ("names", "message"), [(["new"], "one of the models finds, graph, old, torch, got 'new'")]
)
def test_names_that_are_not_there_are_told(
    folder: Path, names: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["show", *names, "--models", str(folder)]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_models_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["show", "--models", str(tmp_path)]) == 2
    assert "found none" in capsys.readouterr().err
