"""Settings are read once from the environment, and every mistake is told at once."""

import pytest
from meshlens.daprkit.settings import MIB, ServerSettings, load


@pytest.mark.parametrize(
    ("text", "size"),
    [("16777216", 16 * MIB), ("16Mi", 16 * MIB), ("16MiB", 16 * MIB), ("512Ki", 512 * 1024)],
)
def test_sizes_are_bytes_or_quantities(
    monkeypatch: pytest.MonkeyPatch, text: str, size: int
) -> None:
    monkeypatch.setenv("MAX_BODY", text)
    assert load(ServerSettings).max_body == size


def test_all_mistakes_are_reported_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAX_BODY", "much")
    monkeypatch.setenv("APP_PORT", "70000")
    monkeypatch.setenv("EVENTS", "perhaps")
    with pytest.raises(SystemExit) as end:
        load(ServerSettings)
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert "MAX_BODY='much'" in told
    assert "APP_PORT='70000'" in told
    assert "EVENTS='perhaps'" in told


def test_tokens_do_not_show_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAPR_API_TOKEN", "swordfish")
    assert "swordfish" not in repr(load(ServerSettings))
