"""Addresses of the web are shown without credentials, and called only where that is allowed."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.remote.addresses import hide_credentials
from meshlens.remote.errors import AddressRefused
from meshlens.remote.guard import Guard

SECRETS = st.text("QXZJKW!$&*+,;=:%-._~/@?#", min_size=1, max_size=20).map("swordfish{}".format)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://host/a/m.tflite", "https://host/a/m.tflite"),
        ("https://user:swordfish@host:8443/m.tflite", "https://host:8443/m.tflite"),
        ("https://swordfish@host/m.tflite", "https://host/m.tflite"),
        ("https://host/m.tflite?sig=swordfish", "https://host/m.tflite?..."),
        ("https://host/m.tflite#swordfish", "https://host/m.tflite?..."),
        (
            "https://[2001:db8::1]:8443/m.tflite?swordfish",
            "https://[2001:db8::1]:8443/m.tflite?...",
        ),
        ("https://user:sword/fish@host/m.tflite", "https://..."),
        ("https://user:swordfish@[broken/m.tflite", "https://..."),
    ],
)
def test_an_address_is_shown_without_what_may_be_a_credential(address: str, shown: str) -> None:
    assert hide_credentials(address) == shown


@given(user=SECRETS, password=SECRETS, query=SECRETS)
def test_no_credential_is_ever_shown(user: str, password: str, query: str) -> None:
    shown = hide_credentials(f"https://{user}:{password}@host/m.tflite?{query}")
    assert "swordfish" not in shown


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",  # noqa: S104 - an address to call, not to listen on
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "[fd00::1]",
        "[fe80::1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::1]",
    ],
)
def test_hosts_of_private_networks_are_called_only_if_that_is_allowed(host: str) -> None:
    address = f"https://{host}/m.tflite?sig=swordfish"
    request = httpx.Request("GET", address)
    with pytest.raises(AddressRefused, match="PRIVATE_ORIGINS=true") as refusal:
        Guard(address, private=False)(request)
    assert "swordfish" not in str(refusal.value)
    Guard(address, private=True)(request)


@pytest.mark.parametrize("host", ["93.184.216.34", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]"])
def test_public_hosts_are_called(host: str) -> None:
    address = f"https://{host}/m.tflite"
    Guard(address, private=False)(httpx.Request("GET", address))


@pytest.mark.parametrize("private", [True, False])
def test_what_begins_by_https_never_leaves_it(private: bool) -> None:  # noqa: FBT001 - a parameter
    onward = httpx.Request("GET", "http://93.184.216.34/m.tflite?sig=swordfish")
    with pytest.raises(AddressRefused, match="https to https only") as refusal:
        Guard("https://93.184.216.34/", private=private)(onward)
    assert "swordfish" not in str(refusal.value)
    Guard("http://93.184.216.34/", private=private)(onward)
