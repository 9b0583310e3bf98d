"""Settings of classify that limit whose models are served, and from where."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from meshlens.classify.settings import Settings
from meshlens.classify.storage.signatures import SignatureMode
from meshlens.daprkit.settings import MIB, load


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    path.write_bytes(public.public_bytes(serialization.Encoding.PEM, form))
    return path


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        load(Settings)
    assert end.value.code == 2
    return capsys.readouterr().err


def test_answers_are_shared_only_where_they_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANSWER_CACHE_STORE", "true")
    assert "ANSWER_CACHE_STORE: expected ANSWER_CACHE, too" in refusal(capsys)
    monkeypatch.setenv("ANSWER_CACHE", "64Mi")
    assert load(Settings).answer_cache == 64 * MIB


@pytest.mark.parametrize(
    ("name", "value"),
    [("ANSWER_CACHE", "-1"), ("ANSWER_CACHE_SECONDS", "0"), ("ANSWER_CACHE_SECONDS", "inf")],
)
def test_what_is_no_bound_of_kept_answers_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert f"{name}='{value}'" in refusal(capsys)


@pytest.mark.parametrize("mode", ["warn", "enforce"])
def test_signatures_are_looked_at_only_with_a_key(
    mode: str, key: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL_SIGNATURES", mode)
    assert "MODEL_SIGNATURES: expected MODEL_SIGNATURES_KEY, too" in refusal(capsys)
    monkeypatch.setenv("MODEL_SIGNATURES_KEY", str(key))
    assert load(Settings).model_signatures is SignatureMode(mode)
    key.write_text("no key")
    assert "MODEL_SIGNATURES_KEY" in refusal(capsys)


def test_a_source_that_is_no_place_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL_SOURCES", "ftp://host")
    assert refusal(capsys).startswith("MODEL_SOURCES='ftp://host': ")


def test_the_folder_of_models_is_always_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELS", str(tmp_path))
    monkeypatch.setenv("MODEL_SOURCES", "none")
    assert load(Settings).places.allow(tmp_path / "a.tflite")
