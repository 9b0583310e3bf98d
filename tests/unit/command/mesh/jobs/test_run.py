from meshlens.command.mesh.jobs.run import Ports


def test_the_ports_follow_the_layout_of_the_mesh_and_are_all_different() -> None:
    ports = Ports.of(3500)
    assert (ports.http, ports.grpc, ports.internal) == (3503, 3513, 3523)
    assert (ports.metrics, ports.app, ports.app_metrics) == (3533, 3543, 3553)
    uses = ports.uses()
    assert len(uses) == 15
    assert min(uses) > 3500
    assert max(uses) < 3600
    assert uses[3503] == "http of jobs"


def test_free_ports_are_all_different() -> None:
    assert len(Ports.of(None).uses()) == 15
