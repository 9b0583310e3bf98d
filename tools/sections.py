"""Pages of what was measured: sections, each an object with a title, a text and rows."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def render(section: Mapping[str, Any]) -> str:
    """Return a section as Markdown; its rows map columns to values."""
    rows: Sequence[Mapping[str, Any]] = section["rows"]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [f"## {section['title']}", ""]
    if section.get("text"):
        lines += [section["text"], ""]
    lines += [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(str(row.get(name, '')) for name in columns)} |" for row in rows]
    return "\n".join([*lines, ""])


def write_page(page: Path, head: str, sections: Iterable[Mapping[str, Any]]) -> None:
    """Write a page of a head and sections."""
    page.write_text("\n".join([head, *map(render, sections)]))
