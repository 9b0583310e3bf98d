"""Settings are read once from the environment, and every mistake is told at once."""

from typing import Self

import pytest
from pydantic import SecretStr, field_validator, model_validator

from meshlens.daprkit.settings import MIB, ServerSettings, find_misspelt, load, split_origins


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
    settings = load(ServerSettings)
    assert "swordfish" not in f"{settings!r} {settings} {settings.model_dump()}"
    assert "swordfish" not in settings.model_dump_json()


class Strict(ServerSettings):
    """Settings with a rule that concerns several of them, and one that concerns a secret."""

    @field_validator("app_api_token")
    @classmethod
    def _is_long(cls, token: SecretStr) -> SecretStr:
        if 0 < len(token.get_secret_value()) < 5:
            raise ValueError("the token must have 5 letters or more")
        return token

    @model_validator(mode="after")
    def _can_publish(self) -> Self:
        if self.pubsub == self.state_store:
            raise ValueError("PUBSUB and STATE_STORE must differ")
        return self


def test_a_mistake_that_concerns_several_settings_shows_none_of_their_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAPR_API_TOKEN", "swordfish")
    monkeypatch.setenv("PUBSUB", "same")
    monkeypatch.setenv("STATE_STORE", "same")
    with pytest.raises(SystemExit):
        load(Strict)
    assert capsys.readouterr().err == "Value error, PUBSUB and STATE_STORE must differ\n"


def test_a_mistaken_secret_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APP_API_TOKEN", "fish")
    with pytest.raises(SystemExit):
        load(Strict)
    told = capsys.readouterr().err
    assert told == "APP_API_TOKEN: Value error, the token must have 5 letters or more\n"


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1", "127.0.0.1"), ("::", "::"), ("[::]", "::"), ("[::1]", "::1")],
)
def test_an_ipv6_address_may_have_brackets(
    monkeypatch: pytest.MonkeyPatch, text: str, address: str
) -> None:
    monkeypatch.setenv("LISTEN_ADDRESS", text)
    assert load(ServerSettings).listen_address == address


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "4317"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "4317"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "'otlp' or 'none'"),
    ],
)
def test_traces_that_could_not_be_exported_are_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    remedy: str,
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        load(ServerSettings)
    told = capsys.readouterr().err
    assert f"{name}={value!r}" in told
    assert remedy in told


@pytest.mark.parametrize("name", ["METRICS_NAMESPACE", "EVENT_TYPE"])
def test_names_that_the_service_decides_are_not_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "other")
    assert getattr(load(ServerSettings), name.lower()) != "other"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("METRIC_PORT", "METRICS_PORT"),
        ("METRICSPORT", "METRICS_PORT"),
        ("LOG_LEVLE", "LOG_LEVEL"),
        ("Log_Levels", "LOG_LEVEL"),
        ("STOP_GRADE", "STOP_GRACE"),
        ("STATESTORE", "STATE_STORE"),
        ("WORKER", "WORKERS"),
    ],
)
def test_a_variable_that_is_almost_a_setting_is_named(name: str, meant: str) -> None:
    assert list(find_misspelt(ServerSettings(), {name: "9"})) == [(name.upper(), meant)]


@pytest.mark.parametrize(
    "name",
    [
        "METRICS_PORT",
        "metrics_port",
        "DAPR_HTTP_PORT",
        "DAPR_METRICS_PORT",
        "APP_PROTOCOL",
        "MODELS",
        "OTEL_METRICS_EXPORTER",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
        "PORT",
        "PATH",
        "PCA_SERVICE_PORT",
    ],
)
def test_variables_of_other_programs_are_left_alone(name: str) -> None:
    assert list(find_misspelt(ServerSettings(), {name: "9"})) == []


def test_what_is_almost_a_setting_that_is_given_is_another_programs() -> None:
    given = {"WORKER": "7", "WORKERS": "2"}
    assert list(find_misspelt(ServerSettings(), given)) == []


@pytest.mark.parametrize(
    "given",
    [{"HTTP_CERTIFICATE": "a.pem"}, {"HTTP_KEY": "a.pem"}, {"HTTP_CLIENT_CA": "a.pem"}],
)
def test_tls_has_all_of_its_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: dict[str, str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        load(ServerSettings)
    assert "HTTP_CERTIFICATE and HTTP_KEY" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ("*",)),  # as every setting that is empty, it is not given
        ("*", ("*",)),
        ("none", ()),
        (
            "https://a.example, http://localhost:8080",
            ("https://a.example", "http://localhost:8080"),
        ),
    ],
)
def test_origins_are_a_list_or_all_or_none(
    monkeypatch: pytest.MonkeyPatch, text: str, origins: tuple[str, ...]
) -> None:
    monkeypatch.setenv("GATEWAY_ORIGINS", text)
    assert split_origins(load(ServerSettings).gateway_origins) == origins


@pytest.mark.parametrize(
    ("text", "callers"),
    [
        ("", "false"),
        ("True", "true"),
        ("FALSE", "false"),
        ("ui", "ui"),
        (" ui, ops-1 ", "ui,ops-1"),
    ],
)
def test_administrators_are_nobody_everybody_or_apps(
    monkeypatch: pytest.MonkeyPatch, text: str, callers: str
) -> None:
    monkeypatch.setenv("ADMIN", text)
    assert load(ServerSettings).admin == callers


@pytest.mark.parametrize("text", ["1", "yes", "On", "ui,", "ui,,ops", "a b", "*", "ui;ops"])
def test_what_is_no_list_of_apps_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    monkeypatch.setenv("ADMIN", text)
    with pytest.raises(SystemExit):
        load(ServerSettings)
    assert f"ADMIN={text!r}: " in capsys.readouterr().err


@pytest.mark.parametrize("text", ["a.example", "https://a.example/", "https://a.example,", "null"])
def test_what_browsers_send_as_no_origin_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    monkeypatch.setenv("GATEWAY_ORIGINS", text)
    with pytest.raises(SystemExit):
        load(ServerSettings)
    assert "https://example.org, without a path" in capsys.readouterr().err
