import pytest

from meshlens.remote.addresses import find_flaw, is_below


@pytest.mark.parametrize(
    ("address", "flaw"),
    [
        ("https://host/a.parquet", ""),
        ("http://host:8080/a/b%20c.csv", ""),
        ("https://[2001:db8::1]/a.npy", ""),
        ("ftp://host/a.csv", "no address of the web"),
        ("https:///a.csv", "no address of the web"),
        ("https://host:0/a.csv", "no address of the web"),
        ("https://host:99999/a.csv", "no address of the web"),
        ("https://[broken/a.csv", "no address of the web"),
        ("https://host/a b.csv", "no address of the web"),
        ("https://host/a.csv\r\nx: y", "no address of the web"),
        ("https://user:swordfish@host/a.csv", "a user or a password"),
        ("https://host/a.csv?sig=swordfish", "a query or a fragment"),
        ("https://host/a.csv?", "a query or a fragment"),
        ("https://host/a.csv#b", "a query or a fragment"),
        ("https://host/*.csv", "a pattern"),
        ("https://host/a/../b.csv", "a path that leads up"),
        ("https://host/a/%2E%2e/b.csv", "a path that leads up"),
        ("https://host/a/..%5cb.csv", "a path that leads up"),
        ("https://host/a/", "a folder"),
        ("https://host", "a folder"),
    ],
)
def test_an_address_names_one_file_and_holds_no_credentials(address: str, flaw: str) -> None:
    assert find_flaw(address) == flaw


@pytest.mark.parametrize(
    ("address", "below"),
    [
        ("http://host/tables/a.csv", True),
        ("http://HOST:80/tables/a.csv", True),
        ("http://host/tables", True),
        ("https://host/tables/a.csv", False),
        ("http://host:8080/tables/a.csv", False),
        ("http://host.example/tables/a.csv", False),
        ("http://host/tables-private/a.csv", False),
        ("http://host/tables/../private/a.csv", False),
        ("http://host/tables/%2e%2e/private/a.csv", False),
        ("http://host@other/tables/a.csv", False),
    ],
)
def test_what_is_below_an_address_has_its_host_and_begins_with_its_path(
    address: str, *, below: bool
) -> None:
    assert is_below(address, "http://host/tables") is below
    assert is_below(address, "http://host/tables/") is below
