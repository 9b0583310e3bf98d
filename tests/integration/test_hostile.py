"""Hostile inputs by every protocol, through the sidecars: each is refused, and nothing breaks."""

from collections.abc import Iterator

import pytest
from hostile.runs import send_all
from mesh import Mesh, Profile

SEED = 1
FEW, MANY = 300, 10_000
# Of each service and its processes, once it has imported all that it needs.
WARM = 1_000
MIB_MORE = 100


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    env = {"classify": {"DEFAULT_MODEL": "digits"}}
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("hostile"), env=env) as running:
        yield running


@pytest.mark.timeout(300)
def test_no_hostile_input_is_a_server_error(attacked: Mesh) -> None:
    finding = send_all(attacked, SEED, [FEW])
    assert not finding.faults, "\n".join(finding.faults)


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_many_hostile_inputs_leave_both_services_as_they_were(attacked: Mesh) -> None:
    finding = send_all(attacked, SEED + 1, [WARM, MANY])
    assert not finding.faults, "\n".join(finding.faults)
    first, last = finding.memory
    assert all(last[name] <= first[name] + MIB_MORE for name in first), finding.memory
