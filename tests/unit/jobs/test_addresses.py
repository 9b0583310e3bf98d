import pytest

from meshlens.jobs.addresses import Address
from meshlens.jobs.errors import InvalidJob


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dapr://binding/photos", ""),
        ("dapr://binding/photos/", ""),
        ("dapr://binding/photos/2026/", "2026"),
        ("dapr://binding/photos/2026/a b.jpg", "2026/a b.jpg"),
    ],
)
def test_an_address_has_a_binding_and_a_name(text: str, name: str) -> None:
    address = Address.of(text, "folder")
    assert address == Address("photos", name)
    assert Address.of(str(address), "folder") == address


@pytest.mark.parametrize(
    "text",
    [
        "dapr://photos/2026",
        "dapr://binding/",
        "dapr://binding/photos//a",
        "dapr://binding/photos/../a",
        "dapr://binding/photos/./a",
        "dapr://binding/photos/a\0",
        "DAPR://binding/photos/a",
    ],
)
def test_what_is_no_address_or_could_lead_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(InvalidJob, match="an address must be dapr://binding/") as refused:
        Address.of(text, "folder")
    assert refused.value.option == "folder"


def test_an_address_holds_what_is_below_it_and_nothing_beside() -> None:
    folder = Address("photos", "2026")
    assert folder.holds(folder)
    assert folder.holds(Address("photos", "2026/a/b.jpg"))
    assert Address("photos", "").holds(folder)
    assert not folder.holds(Address("photos", "2026-private/a.jpg"))
    assert not folder.holds(Address("photos", ""))
    assert not folder.holds(Address("tables", "2026/a"))
