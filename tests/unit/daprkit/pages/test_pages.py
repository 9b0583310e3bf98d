"""Data of a page stay data, whatever they contain."""

import json
import re
from pathlib import Path

from meshlens.daprkit.pages import build_page

HOSTILE = "</script><script>alert(1)</script><!--<script>"


def test_data_cannot_end_the_script_they_stand_in(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '<script id="data" type="application/json">{{data}}</script>'
    )
    (tmp_path / "page.css").write_text("")
    page = build_page(tmp_path, [], {"data": [HOSTILE, {HOSTILE: 1}]}).body.decode()
    assert page.count("<") == 2
    (data,) = re.findall(r">(.*)</script>", page)
    assert json.loads(data) == [HOSTILE, {HOSTILE: 1}]
