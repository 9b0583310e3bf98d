"""The README's table of settings and the glossary match the code."""

import importlib
import re
from pathlib import Path

from meshlens.classify.settings import Settings as ClassifySettings
from meshlens.pca.settings import Settings as PcaSettings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
# OpenTelemetry's own variables, which its documentation explains.
STANDARD = {
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
}


def test_the_readme_names_every_setting_and_no_other() -> None:
    table = README[README.index("| variable |") : README.index("`grpc.health.v1`")]
    named = set(re.findall(r"`([A-Z_]+)`", table)) - {"OTEL_EXPORTER_OTLP_ENDPOINT"}
    fields = PcaSettings.model_fields.keys() | ClassifySettings.model_fields.keys()
    assert named == {field.upper() for field in fields} - STANDARD


def test_every_place_that_the_glossary_names_is_there() -> None:
    glossary = (ROOT / "docs/glossary.md").read_text()
    named = re.findall(r"`((?:pca|classify|daprkit|meshlens)\.[\w.]+)`", glossary)
    assert len(named) > 50
    for name in named:
        importlib.import_module(f"meshlens.{name.removeprefix('meshlens.')}")
