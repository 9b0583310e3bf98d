"""Who may do what in the cluster: callers, pods, and strangers on the network."""

import json
from pathlib import Path

import psutil
import pytest
from cluster.caller import NAMESPACE, Call
from cluster.project import Project
from cluster.sandbox import SandboxError
from mesh import ROOT

SEVEN = (ROOT / "services/classify/samples/digit-7.png").read_bytes()
POINTS = b"1,2,3,5,4,4,9,1"
LOAD = "models/digits/versions/1/load"
UNLOAD = "models/digits/versions/1/unload"


def test_an_app_that_prod_does_not_name_is_denied_on_both_ways(prod: Project) -> None:
    proxied, http = prod.caller("stranger").call(
        Call("grpc", "pca", "plot", POINTS), Call("http", "pca", "plot", POINTS)
    )
    assert (proxied.code, http.code) == ("PERMISSION_DENIED", "403")
    for answer in (proxied, http):
        assert "access control policy has denied access" in answer.text


def test_the_gateway_reaches_what_is_named_and_nothing_else(prod: Project) -> None:
    named = [
        Call("http", "pca", "ui"),
        Call("http", "pca", "plot", POINTS),
        Call("http", "pca", "fit", POINTS),
        Call("http", "pca", "transform", POINTS),
        Call("http", "classify", "classify", SEVEN),
        Call("http", "classify", "models"),
        Call("http", "classify", "models/digits"),
    ]
    others = [
        Call("http", "pca", "inverse", POINTS),
        Call("http", "pca", "fits/0123"),
        Call("http", "pca", "events"),
        Call("http", "classify", LOAD, b"{}"),
        Call("http", "classify", UNLOAD, b"{}"),
        Call("http", "classify", f"models/../{UNLOAD}", b"{}"),
        Call("http", "classify", "models%2Fdigits%2Fversions%2F1%2Funload", b"{}"),
        Call("http", "classify", f"/{UNLOAD}", b"{}"),
    ]
    answers = prod.caller("gateway").call(*named, *others)
    assert [answer.code for answer in answers] == ["200"] * len(named) + ["403"] * len(others)
    (proxied,) = prod.caller("gateway").call(Call("grpc", "classify", UNLOAD))
    assert proxied.code == "PERMISSION_DENIED"


def test_a_proxied_call_opens_every_method_to_those_who_may_make_it_but_changes_nothing(
    prod: Project,
) -> None:
    shown, load = prod.caller("caller").call(
        Call("grpc", "classify", "ui"), Call("grpc", "classify", LOAD)
    )
    assert shown.code == "OK", "as access.yaml says; else its comment is wrong"
    assert load.code == "PERMISSION_DENIED"


def test_nobody_forges_the_events_of_a_topic(prod: Project) -> None:
    for name in ("caller", "gateway", "stranger"):
        assert prod.caller(name).run("forge_event.py") == "PERMISSION_DENIED\n"


def test_a_sidecar_answers_no_program_without_a_certificate(prod: Project) -> None:
    pods = prod.node.get("pods", f"--namespace={NAMESPACE}", "-lapp.kubernetes.io/name=classify")
    address = pods["items"][0]["status"]["podIP"]
    for port, refusal in ((50002, "UNAVAILABLE"), (50001, "UNAVAILABLE"), (50051, "OK")):
        # The last port shows that the others only refuse the missing certificate. Probes need it
        # open; only the NetworkPolicy closes it to pods, and no plugin enforces that here.
        answer = prod.caller("stranger").run("call_address.py", f"{address}:{port}")
        assert answer == f"{refusal}\n", port


def test_the_namespace_takes_no_pod_that_is_not_restricted(prod: Project) -> None:
    plain = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "plain", "namespace": NAMESPACE},
        "spec": {"containers": [{"name": "plain", "image": "meshlens/pca:0.1.0"}]},
    }
    with pytest.raises(SandboxError, match='violates PodSecurity "restricted'):
        prod.node.kubectl("apply", "--dry-run=server", "--filename=-", stdin=json.dumps(plain))


def test_nothing_in_a_pod_runs_as_root_or_writes_outside_its_volumes(prod: Project) -> None:
    selector = "-lapp.kubernetes.io/name in (pca, classify)"
    pods = prod.node.get("pods", f"--namespace={NAMESPACE}", selector)["items"]
    assert len(pods) >= 6
    for pod in pods:
        mounts = [it for container in pod["spec"]["containers"] for it in container["volumeMounts"]]
        volumes = {it["mountPath"] for it in mounts if not it.get("readOnly")}
        running = prod.node.sandbox.processes_in(f"pod{pod['metadata']['uid']}")
        assert len(running) > len(pod["spec"]["containers"])  # and the pause program
        for process in running:
            assert 0 not in psutil.Process(process).uids(), process
            assert writable(process) <= volumes | {"/etc/hosts"}, process  # that one is root's


def writable(process: int) -> set[str]:
    """Where the files of a process's mount namespace can be written, the kernel's own aside."""
    mounts = [line.split() for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines()]
    return {
        point
        for _, _, _, _, point, options, *_ in mounts
        if "rw" in options.split(",") and point.split("/")[1] not in {"dev", "proc", "sys"}
    }


def test_only_the_sidecar_holds_a_token_and_it_is_for_dapr(prod: Project) -> None:
    for service in ("pca", "classify"):
        pods = prod.node.get(
            "pods", f"--namespace={NAMESPACE}", f"-lapp.kubernetes.io/name={service}"
        )["items"]
        assert len(pods) >= 3
        for pod in pods:
            app, sidecar = pod["spec"]["containers"]
            assert (app["name"], sidecar["name"]) == (service, "daprd")
            tokens = {
                volume["name"]: source["serviceAccountToken"]["audience"]
                for volume in pod["spec"]["volumes"]
                for source in volume.get("projected", {}).get("sources", [])
            }
            assert list(tokens) == ["dapr-identity-token"]
            assert "/ns/dapr-system/dapr-sentry" in tokens["dapr-identity-token"]
            assert not tokens.keys() & {mount["name"] for mount in app["volumeMounts"]}
