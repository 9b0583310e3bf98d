"""Writes the JSON Schema of the result event to docs/, for consumers in any language."""

import json
from pathlib import Path

from meshlens.daprkit.application.result_event import build_schema

TARGET = Path(__file__).resolve().parent.parent / "docs" / "result-event.schema.json"


def encode_schema() -> str:
    """Return the schema as it stands in docs/."""
    return json.dumps(build_schema(), indent=2) + "\n"


def main() -> None:
    """Write the file."""
    TARGET.write_text(encode_schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
