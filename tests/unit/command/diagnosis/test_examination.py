"""Each known trap is found where it is, and nothing in what ships."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from helm import render_chart
from manifests import COMPONENTS, OVERLAYS, ROOT, Manifest, render
from seeds import IN_DEV, ON_A_CLUSTER, ON_A_HOST, Seed, drop, plant, put, seed, spoil

from meshlens.command.diagnosis.checks.catalogue import CHECKS
from meshlens.command.diagnosis.checks.endings import SECONDS_FOR_THE_LAST
from meshlens.command.diagnosis.examination import examine
from meshlens.command.diagnosis.files.gathering import gather, make_scope
from meshlens.command.diagnosis.files.reading import read_documents
from meshlens.command.diagnosis.findings import Finding
from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.scopes import Broker, Scope
from meshlens.command.diagnosis.sidecars import Form, Sidecar
from meshlens.command.mesh.resources import write_resources
from meshlens.command.mesh.run_file import compose_run_file
from meshlens.daprkit.outbox.events import SECONDS_FOR_LAST_EVENTS
from meshlens.daprkit.telemetry.traces import SECONDS_FOR_LAST_SPANS

RENDERINGS = [(overlay, "") for overlay in OVERLAYS] + [("prod", name) for name in COMPONENTS]


def found(scopes: Iterable[Scope]) -> list[Finding]:
    return [finding for finding in examine(scopes) if not finding.ignored]


def checks_of(findings: Sequence[Finding]) -> set[str]:
    return {finding.check.id for finding in findings}


def in_text(text: bytes) -> list[Finding]:
    return found([make_scope(read_documents("rendered", text), whole=True)])


def name(seeds: list[Seed]) -> str:
    return f"{seeds[0].check}-{seeds[0].place.rpartition('/')[2]}"


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    return render(tmp_path_factory.mktemp("prod"), "prod")


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    return render(tmp_path_factory.mktemp("dev"), "dev")


@pytest.mark.parametrize("seeds", ON_A_HOST, ids=name)
def test_a_fault_on_a_host_is_found_and_nothing_else(seeds: list[Seed], tmp_path: Path) -> None:
    findings = found(gather([str(plant(tmp_path, seeds))]).scopes)
    assert checks_of(findings) == {seeds[0].check}, findings


@pytest.mark.slow
@pytest.mark.parametrize("seeds", ON_A_CLUSTER, ids=name)
def test_a_fault_on_a_cluster_is_found_and_nothing_else(
    seeds: list[Seed], prod: list[Manifest]
) -> None:
    findings = in_text(spoil(prod, seeds))
    assert checks_of(findings) == {seeds[0].check}, findings
    assert {finding.trouble.document.file for finding in findings} == {"rendered"}


@pytest.mark.slow
@pytest.mark.parametrize("seeds", IN_DEV, ids=name)
def test_a_fault_of_the_redis_on_a_cluster_is_found(seeds: list[Seed], dev: list[Manifest]) -> None:
    assert checks_of(in_text(spoil(dev, seeds))) == {seeds[0].check}


METADATA = {
    "id": "pca",
    "kind": "Sidecar",
    "runtimeVersion": "1.18.3",
    "components": [
        {"name": "pubsub", "type": "pubsub.redis"},
        {"name": "statestore", "type": "state.redis"},
    ],
}


def live(metadata: object = METADATA, ahead: float = 0.0, *flags: str) -> Scope:
    """A sidecar that runs, with these flags, or with unknown ones."""
    document = Document("http://127.0.0.1:3500", Node(metadata))
    options = {
        "app-protocol": Node("grpc"),
        "enable-app-health-check": Node(value=True),
        "max-body-size": Node("32Mi"),
        "read-buffer-size": Node("16Ki"),
        **{flag.partition("=")[0]: Node(flag.partition("=")[2]) for flag in flags},
    }
    sidecar = Sidecar(
        Form.PROCESS, document, "pca", document.root, options, serves=True, knows_flags=bool(flags)
    )
    return Scope([], [sidecar], metadata=[document], ahead={document.file: ahead})


def with_broker(ahead: float = 0.0, **settings: str) -> Scope:
    document = Document("components/pubsub.yaml", Node({"kind": "Component"}))
    usual = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
    answered = usual | {key.replace("_", "-"): value for key, value in settings.items()}
    return replace(live(), brokers=[Broker(document, "127.0.0.1:6379", answered, ahead)])


_INNER = "dapr-internal-grpc-listen-address"
LIVE = [
    ("runtime-version", live(METADATA | {"runtimeVersion": "1.18.2"})),
    ("runtime-version", live(METADATA | {"runtimeVersion": "1.9.10"})),
    ("missing-component", live(METADATA | {"components": METADATA["components"][:1]})),
    ("lone-worker", live(METADATA | {"workflows": {"connectedWorkers": 1}})),
    (
        "dead-letter-topic",
        live(METADATA | {"subscriptions": [{"topic": "images", "deadLetterTopic": ""}]}),
    ),
    ("clock", live(METADATA, 3600.0)),
    ("clock", live(METADATA, -7.0)),
    ("clock", with_broker(-60.0)),
    ("open-inner-port", live(METADATA, 0.0, "app-id=pca")),
    ("open-inner-port", live(METADATA, 0.0, f"{_INNER}=0.0.0.0")),
    ("broker-persistence", with_broker(appendonly="no", save="")),
    ("broker-persistence", with_broker(appendonly="no", save="3600 1")),
    ("broker-persistence", with_broker(appendfsync="no")),
    ("broker-eviction", with_broker(maxmemory_policy="allkeys-lru")),
]
HEALTHY = [
    live(),
    live(METADATA, 0.0, f"{_INNER}=127.0.0.1"),
    live(METADATA, 0.0, "enable-mtls=true"),
    live(METADATA | {"workflows": {"connectedWorkers": 2}}),
    live(METADATA | {"subscriptions": [{"topic": "x", "type": "STREAMING"}]}),
    live(METADATA | {"runtimeVersion": "edge"}),
    with_broker(),
]


@pytest.mark.parametrize(("check", "scope"), LIVE)
def test_a_fault_of_a_live_sidecar_is_found(check: str, scope: Scope) -> None:
    assert checks_of(found([scope])) == {check}


@pytest.mark.parametrize("scope", HEALTHY)
def test_a_healthy_sidecar_has_nothing_found(scope: Scope) -> None:
    assert found([scope]) == []


def test_every_check_has_a_fault_that_it_finds() -> None:
    seeded = {seeds[0].check for seeds in (*ON_A_HOST, *ON_A_CLUSTER, *IN_DEV)}
    assert seeded | {check for check, _ in LIVE} == {check.id for check in CHECKS}
    assert len({check.id for check in CHECKS}) == len(CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize(("overlay", "component"), RENDERINGS)
def test_nothing_is_found_in_an_overlay(overlay: str, component: str, tmp_path: Path) -> None:
    assert in_text(spoil(render(tmp_path, overlay, [component] if component else []), [])) == []


@pytest.mark.slow
@pytest.mark.parametrize("dev", [False, True])
def test_nothing_is_found_in_the_chart(*, dev: bool) -> None:
    assert in_text(spoil(render_chart(dev=dev), [])) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dapr", "components", "k8s", "examples"])
def test_nothing_is_found_in_a_folder_that_ships(name: str) -> None:
    gathered = gather([str(ROOT / name)])
    assert found(gathered.scopes) == []
    assert sum(len(scope.documents) + len(scope.texts) for scope in gathered.scopes) > 2


@pytest.mark.parametrize("profile", ["embedded", "redis"])
@pytest.mark.parametrize("listens", [False, True])
def test_nothing_is_found_in_what_meshlens_up_writes(
    profile: str, tmp_path: Path, *, listens: bool
) -> None:
    env = {"REDIS_HOST": "127.0.0.1:6379"}
    listeners = {"pca": 3561} if listens else {}
    written = write_resources(
        tmp_path, profile, ["mine"], Path("/bin/true"), env, listeners=listeners
    )
    content = compose_run_file(tmp_path, written, 3500, listens=listens)
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(content))
    gathered = gather([str(tmp_path / "run.yaml")])
    assert found(gathered.scopes) == []
    assert sum(len(scope.documents) for scope in gathered.scopes) == 5 + listens


@pytest.mark.slow
def test_what_is_written_elsewhere_is_not_guessed(prod: list[Manifest]) -> None:
    in_a_config_map = seed(
        "",
        "Deployment/pca",
        put("spec template spec containers pca env", []),
        put("spec template spec containers pca envFrom", [{"configMapRef": {"name": "pca"}}]),
    )
    assert in_text(spoil(prod, [in_a_config_map])) == []


@pytest.mark.slow
def test_an_outbox_may_be_on_a_claim_of_a_stateful_set(prod: list[Manifest]) -> None:
    claim = {"metadata": {"name": "outbox"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    claimed = seed(
        "",
        "Deployment/pca",
        drop("spec template spec volumes outbox"),
        put("spec volumeClaimTemplates", [claim]),
        put("kind", "StatefulSet"),
    )
    assert in_text(spoil(prod, [claimed])) == []


def test_a_document_ignores_a_check_for_a_reason_and_no_other(tmp_path: Path) -> None:
    ignoring = {"metadata": {"annotations": {"meshlens.dev/ignore-body-limit": "small bodies"}}}
    folder = plant(tmp_path, [])
    path = folder / "dapr.yaml"
    content = yaml.safe_load(path.read_text()) | ignoring
    del content["common"]["maxBodySize"], content["common"]["readBufferSize"]
    path.write_text(yaml.safe_dump(content))
    findings = examine(gather([str(folder)]).scopes)
    assert checks_of([it for it in findings if it.ignored == "small bodies"]) == {"body-limit"}
    assert checks_of([it for it in findings if not it.ignored]) == {"read-buffer"}


def test_the_last_seconds_of_a_service_are_those_that_it_takes() -> None:
    assert SECONDS_FOR_THE_LAST == SECONDS_FOR_LAST_EVENTS + SECONDS_FOR_LAST_SPANS
