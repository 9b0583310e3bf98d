"""What the manifests of k8s/ must agree on, with each other and with the rest of the project."""

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import block
from manifests import (
    COMPONENTS,
    OVERLAYS,
    ROOT,
    Manifest,
    annotations_of,
    kubectl,
    of_kind,
    pod_of,
    render,
    render_text,
)

from meshlens.classify.settings import Settings as ClassifySettings
from meshlens.daprkit.outbox.events import SECONDS_FOR_LAST_EVENTS
from meshlens.daprkit.settings import ServerSettings
from meshlens.daprkit.telemetry.traces import SECONDS_FOR_LAST_SPANS
from meshlens.daprkit.transports.health import LIVE
from meshlens.jobs.settings import Settings as JobsSettings
from meshlens.pca.settings import Settings as PcaSettings

pytestmark = pytest.mark.slow

SERVICES: dict[str, type[ServerSettings]] = {"pca": PcaSettings, "classify": ClassifySettings}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
# daprd's own cache of addresses, and that of a cluster's DNS as kubeadm sets it.
SECONDS_CALLERS_REMEMBER = 20 + 30
# Each overlay as it is, and the one that is for use with each of the choices.
RENDERINGS = [(overlay, "") for overlay in OVERLAYS] + [("prod", name) for name in COMPONENTS]


@pytest.fixture(scope="module", params=RENDERINGS, ids=lambda each: "+".join(filter(None, each)))
def manifests(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[Manifest]:
    overlay, component = request.param
    return render(tmp_path_factory.mktemp(overlay), overlay, [component] if component else [])


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    return render(tmp_path_factory.mktemp("prod"), "prod")


def deployments(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest, Manifest]]:
    """The name, Deployment and own container of each service."""
    for name in SERVICES:
        deployment = of_kind(manifests, "Deployment")[name]
        (container,) = pod_of(deployment)["containers"]
        yield name, deployment, container


def settings_of(name: str, container: Manifest, folder: Path) -> ServerSettings:
    """What the service reads from the environment that the manifest gives to it."""
    values: dict[str, Any] = {}
    for variable in container["env"]:
        key = variable["name"].lower()
        if "resourceFieldRef" in variable.get("valueFrom", {}):
            resource = variable["valueFrom"]["resourceFieldRef"]["resource"]
            values[key] = container["resources"]["limits"][resource.removeprefix("limits.")]
        elif key == "models":
            values[key] = folder  # the volume is not mounted here
        elif "secretKeyRef" in variable.get("valueFrom", {}):
            values[key] = "from a Secret"
        else:
            values[key] = variable["value"]
    unknown = set(values) - SERVICES[name].model_fields.keys()
    # Of OpenTelemetry, and of glibc.
    assert unknown <= {"otel_exporter_otlp_endpoint", "malloc_mmap_threshold_"}
    return SERVICES[name].model_validate(values)


def seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


def test_the_grace_period_has_room_for_all_that_follows_a_sigterm(
    manifests: list[Manifest], tmp_path: Path
) -> None:
    for name, deployment, container in deployments(manifests):
        settings = settings_of(name, container, tmp_path)
        annotations = annotations_of(deployment)
        grace = pod_of(deployment)["terminationGracePeriodSeconds"]
        sidecar = seconds(annotations["graceful-shutdown-seconds"])
        last = SECONDS_FOR_LAST_EVENTS + SECONDS_FOR_LAST_SPANS
        app = settings.drain_seconds + settings.stop_grace + last
        assert settings.drain_seconds > 0
        assert settings.stop_grace >= settings.request_timeout, "what was admitted may end"
        if "enable-native-sidecar" in annotations:
            assert "block-shutdown-duration" not in annotations, "the app is gone by then"
            assert app + sidecar < grace
        else:
            block = seconds(annotations["block-shutdown-duration"])
            assert settings.drain_seconds == block + 1, "calls arrive as long as the sidecar blocks"
            assert max(app, block + sidecar) < grace


def test_the_outbox_is_on_a_volume_with_room_for_twice_what_it_holds(
    manifests: list[Manifest], tmp_path: Path
) -> None:
    for name, deployment, container in deployments(manifests):
        settings = settings_of(name, container, tmp_path)
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in pod_of(deployment)["volumes"]}
        volume = volumes[mounts[str(settings.outbox_folder)]]
        room = ServerSettings.model_validate({"outbox_size": volume["emptyDir"]["sizeLimit"]})
        assert room.outbox_size >= 2 * settings.outbox_size


def test_a_replica_serves_as_long_as_callers_may_remember_its_address(
    manifests: list[Manifest], tmp_path: Path
) -> None:
    for name, deployment, container in deployments(manifests):
        block = annotations_of(deployment).get("block-shutdown-duration")
        drain = settings_of(name, container, tmp_path).drain_seconds
        assert (seconds(block) if block else drain) > SECONDS_CALLERS_REMEMBER


def test_sidecars_let_twice_as_much_through_as_the_service_takes(
    manifests: list[Manifest], tmp_path: Path
) -> None:
    for name, deployment, container in deployments(manifests):
        limit = settings_of(name, container, tmp_path).max_body
        assert annotations_of(deployment)["max-body-size"] == f"{2 * limit // 1024**2}Mi"


def test_sidecars_probe_services_as_the_run_file_says(manifests: list[Manifest]) -> None:
    common = yaml.safe_load((ROOT / "dapr" / "dapr.yaml").read_text())["common"]
    for name, deployment, _ in deployments(manifests):
        annotations = annotations_of(deployment)
        assert annotations["app-id"] == name
        assert annotations["enable-app-health-check"] == "true"
        assert annotations["app-health-probe-interval"] == str(common["appHealthProbeInterval"])
        assert annotations["app-health-threshold"] == str(common["appHealthThreshold"])
        assert annotations["max-body-size"] == common["maxBodySize"]
        assert annotations["read-buffer-size"] == common["readBufferSize"]
        assert annotations["app-protocol"] == common["appProtocol"]
        assert "app-max-concurrency" not in annotations, "it locks up gRPC apps in Dapr 1.18"


def test_probes_and_sidecars_ask_where_the_service_listens(
    manifests: list[Manifest], tmp_path: Path
) -> None:
    for name, deployment, container in deployments(manifests):
        settings = settings_of(name, container, tmp_path)
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        http = {"http": settings.http_port} if settings.http_port else {}
        assert ports == {"grpc": settings.app_port, "metrics": settings.metrics_port, **http}
        assert annotations_of(deployment)["app-port"] == str(settings.app_port)
        assert settings.listen_address == "0.0.0.0"  # noqa: S104 - the kubelet is outside the pod
        asked = {
            kind: container[kind]["grpc"].get("service", "")
            for kind in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert {container[kind]["grpc"]["port"] for kind in asked} == {settings.app_port}
        assert asked == {"startupProbe": LIVE, "livenessProbe": LIVE, "readinessProbe": ""}


def test_as_many_workers_as_the_container_may_use_cores(
    manifests: list[Manifest], tmp_path: Path
) -> None:
    for name, _, container in deployments(manifests):
        workers = settings_of(name, container, tmp_path).workers
        assert str(workers) == container["resources"]["limits"]["cpu"]


def test_every_pod_is_restricted_and_bounded(manifests: list[Manifest]) -> None:
    for name, deployment in of_kind(manifests, "Deployment").items():
        pod = pod_of(deployment)
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


def test_every_sidecar_is_restricted_and_bounded(manifests: list[Manifest]) -> None:
    for deployment in of_kind(manifests, "Deployment").values():
        if "annotations" not in deployment["spec"]["template"]["metadata"]:
            continue
        annotations = annotations_of(deployment)
        assert annotations["enabled"] == "true"
        assert annotations["sidecar-seccomp-profile-type"] == "RuntimeDefault"
        assert annotations["disable-builtin-k8s-secret-store"] == "true"
        for bound in ("sidecar-cpu-request", "sidecar-memory-request", "sidecar-memory-limit"):
            assert annotations[bound]


def test_images_are_pinned_and_ours_to_the_version_of_the_project(
    manifests: list[Manifest],
) -> None:
    for deployment in of_kind(manifests, "Deployment").values():
        for container in pod_of(deployment)["containers"]:
            name, _, tag = container["image"].rpartition(":")
            assert re.fullmatch(r"\d+\.\d+\.\d+(-\w+)?", tag)
            if name.startswith("meshlens/"):
                assert tag.split("-")[0] == VERSION


def test_everything_is_in_the_namespace_that_keeps_pods_restricted(
    manifests: list[Manifest],
) -> None:
    labels = of_kind(manifests, "Namespace")["meshlens"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    namespaces = {each["metadata"].get("namespace") for each in manifests}
    assert namespaces == {"meshlens", None}
    assert [each["kind"] for each in manifests if "namespace" not in each["metadata"]] == [
        "Namespace"
    ]


def test_components_are_for_the_services_and_set_as_those_of_one_host(
    manifests: list[Manifest],
) -> None:
    components = of_kind(manifests, "Component")
    own = {name: components.pop(name) for name in ("jobstore", "jobs-pubsub") if name in components}
    assert all(component["scopes"] == ["jobs"] for component in own.values())
    assert components.keys() == {"statestore", "pubsub"}
    for name, component in components.items():
        local = yaml.safe_load((ROOT / "components" / "redis" / f"{name}.yaml").read_text())
        assert component["scopes"] == local["scopes"] == list(SERVICES)
        assert component["spec"]["type"] == local["spec"]["type"]
        where, rest = component["spec"]["metadata"][:2], component["spec"]["metadata"][2:]
        assert {entry["name"]: entry["secretKeyRef"] for entry in where} == {
            "redisHost": {"name": "redis", "key": "host"},
            "redisPassword": {"name": "redis", "key": "password"},
        }
        assert rest == local["spec"]["metadata"][2:]


def test_the_policies_are_those_of_one_host(prod: list[Manifest]) -> None:
    local = yaml.safe_load((ROOT / "dapr" / "resiliency.yaml").read_text())
    assert of_kind(prod, "Resiliency")["meshlens"]["spec"] == local["spec"]


def test_callers_are_denied_what_no_policy_opens(prod: list[Manifest]) -> None:
    control = of_kind(prod, "Configuration")["meshlens"]["spec"]["accessControl"]
    assert control["defaultAction"] == "deny"
    policies = {policy["appId"]: policy for policy in control["policies"]}
    for policy in policies.values():
        assert policy["defaultAction"] == "deny"
        assert policy["namespace"] == "meshlens"
        names = {operation["name"] for operation in policy["operations"]}
        assert not names & {"/models", "/models/**", "/**"}, "each opens loading and unloading"
    opened = {operation["name"] for operation in policies["gateway"]["operations"]}
    assert not any("AppCallback" in name for name in opened), "it opens every method"


def test_callers_may_speak_the_protocols_of_other_servers_and_the_gateway_may_not(
    prod: list[Manifest],
) -> None:
    control = of_kind(prod, "Configuration")["meshlens"]["spec"]["accessControl"]
    opened = {
        policy["appId"]: {operation["name"] for operation in policy["operations"]}
        for policy in control["policies"]
    }
    services = {f"/tensorflow.serving.{name}" for name in ("PredictionService", "ModelService")}
    protocols = services | {"/inference.GRPCInferenceService", "/v1/models", "/v2"}
    assert protocols <= opened["caller"]
    assert not protocols & opened["gateway"]


@pytest.mark.parametrize("component", ["", "gateway", "jobs"])
def test_no_change_of_a_resource_restarts_all_sidecars_at_once(
    component: str, tmp_path: Path
) -> None:
    manifests = render(tmp_path, "prod", [component] if component else [])
    for configuration in of_kind(manifests, "Configuration").values():
        assert configuration["spec"]["features"] == [{"name": "HotReload", "enabled": False}]


def test_jobs_have_their_settings_their_stores_and_room_for_what_they_keep(
    tmp_path: Path,
) -> None:
    manifests = render(tmp_path, "dev", ["jobs"])
    deployment = of_kind(manifests, "Deployment")["jobs"]
    (container,) = pod_of(deployment)["containers"]
    env = {each["name"].lower(): each.get("value", "2") for each in container["env"]}
    settings = JobsSettings.model_validate(env)
    assert env.keys() <= JobsSettings.model_fields.keys()
    annotations = annotations_of(deployment)
    assert settings.drain_seconds == seconds(annotations["block-shutdown-duration"]) + 1
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {str(settings.jobs_folder), str(settings.outbox_folder)} <= mounts
    components = of_kind(manifests, "Component")
    assert components[settings.pubsub]["scopes"] == components["jobstore"]["scopes"] == ["jobs"]
    actors = {"name": "actorStateStore", "value": "true"}
    stores = [name for name, it in components.items() if actors in it["spec"]["metadata"]]
    assert stores == ["jobstore"]
    on_a_host = yaml.safe_load((ROOT / "dapr/config.yaml").read_text())["spec"]["workflow"]
    configuration = of_kind(manifests, "Configuration")[annotations["config"]]
    assert configuration["spec"]["workflow"] == on_a_host


def access_of_jobs(manifests: list[Manifest]) -> Manifest:
    """The access rules that the sidecar of jobs reads."""
    jobs = of_kind(manifests, "Deployment")["jobs"]
    configuration = of_kind(manifests, "Configuration")[annotations_of(jobs)["config"]]
    control: Manifest = configuration["spec"]["accessControl"]
    return control


def test_jobs_answer_nobody_in_prod_and_everybody_in_dev(tmp_path: Path) -> None:
    for overlay, action in (("prod", "deny"), ("dev", "allow")):
        control = access_of_jobs(render(tmp_path, overlay, ["jobs"]))
        assert control == {"defaultAction": action, "policies": []}


def test_the_patch_of_the_page_opens_jobs_to_an_app_as_the_tests_of_a_cluster_have_it(
    tmp_path: Path,
) -> None:
    k8s = Path(os.path.relpath(ROOT / "k8s", tmp_path))
    head = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "meshlens",
        "resources": [str(k8s / "overlays/prod")],
        "components": [str(k8s / "components/jobs")],
    }
    page = block("docs/jobs.md", "kind: Configuration, name: jobs")
    opened = access_of_jobs(render_text(tmp_path, yaml.safe_dump(head) + page))
    assert opened["defaultAction"] == "deny"
    (policy,) = opened["policies"]
    assert policy["defaultAction"] == "deny"
    names = {operation["name"].removeprefix("/") for operation in policy["operations"]}
    readme = (ROOT / "services/jobs/README.md").read_text()
    rows = re.findall(r"^\| (`[a-z/<>`, ]+) \|", readme, flags=re.MULTILINE)
    methods = set(re.findall(r"`(\w+)", " ".join(rows)))
    assert methods == names | {"purge"}, "all but what is for administrators"
    overlay = ROOT / "tests" / "cluster" / "overlays" / "jobs"
    done = subprocess.run([kubectl(), "kustomize", overlay], capture_output=True, check=True)
    assert access_of_jobs(list(yaml.safe_load_all(done.stdout))) == opened


def test_classify_answers_jobs(prod: list[Manifest]) -> None:
    control = of_kind(prod, "Configuration")["meshlens"]["spec"]["accessControl"]
    (jobs,) = (it for it in control["policies"] if it["appId"] == "jobs")
    (operation,) = jobs["operations"]
    assert operation == {
        "name": "/dapr.proto.runtime.v1.AppCallback/OnInvoke",
        "action": "allow",
    }


def test_the_gateway_may_call_what_the_pages_show_and_nothing_else(prod: list[Manifest]) -> None:
    control = of_kind(prod, "Configuration")["meshlens"]["spec"]["accessControl"]
    (gateway,) = (it for it in control["policies"] if it["appId"] == "gateway")
    assert {operation["action"] for operation in gateway["operations"]} == {"allow"}
    opened = {operation["name"] for operation in gateway["operations"]}
    pages = {"/home", "/ui", "/openapi.json", "/asyncapi.json"}
    pca = {"/plot", "/fit", "/transform"}
    classify = {"/classify", "/detect", "/preview", "/models/*"}
    # Not events, which show what others have sent; nor fits, by which one deletes another's.
    assert opened == pages | pca | classify


def test_the_addresses_of_the_page_are_those_of_the_forwarded_sidecar() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    caller = yaml.safe_load((ROOT / "examples" / "kubernetes" / "caller.yaml").read_text())
    (port,) = re.findall(r"port-forward pod/(\w+ \d+)", page)
    # 3500 is where Dapr's sidecars answer HTTP if no annotation says otherwise.
    assert port == f"{caller['metadata']['name']} 3500"
    assert "dapr.io/http-port" not in caller["metadata"]["annotations"]
    addresses = re.findall(r"<http://localhost:3500/v1.0/invoke/(\w+)/method/ui>", page)
    assert addresses == list(SERVICES)


def test_each_service_scales_and_keeps_a_majority_of_its_replicas(prod: list[Manifest]) -> None:
    scalers, budgets = (
        of_kind(prod, "HorizontalPodAutoscaler"),
        of_kind(prod, "PodDisruptionBudget"),
    )
    assert scalers.keys() == budgets.keys() == SERVICES.keys()
    for name, deployment, container in deployments(prod):
        assert "replicas" not in deployment["spec"], "the number belongs to the autoscaler"
        scaler, budget = scalers[name]["spec"], budgets[name]["spec"]
        assert scaler["scaleTargetRef"]["name"] == name
        assert scaler["minReplicas"] == 3
        assert scaler["metrics"][0]["containerResource"]["container"] == container["name"]
        assert budget["maxUnavailable"] == 1
        selector = deployment["spec"]["selector"]
        assert budget["selector"] == selector
        for constraint in pod_of(deployment)["topologySpreadConstraints"]:
            assert constraint["labelSelector"] == selector


def test_the_network_is_open_to_sidecars_and_prometheus_only(prod: list[Manifest]) -> None:
    (policy,) = of_kind(prod, "NetworkPolicy").values()
    (selected,) = policy["spec"]["podSelector"]["matchExpressions"]
    assert selected["values"] == [*SERVICES, "jobs"]
    opened = [[port["port"] for port in rule["ports"]] for rule in policy["spec"]["ingress"]]
    assert opened == [[50002], [9090, 9091]]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_listeners_are_called_as_endpoints_of_the_mesh_by_pods_with_a_sidecar(
    overlay: str, tmp_path: Path
) -> None:
    manifests = render(tmp_path, overlay, ["http"])
    services, endpoints = of_kind(manifests, "Service"), of_kind(manifests, "HTTPEndpoint")
    for name, _, container in deployments(manifests):
        service = services[f"{name}-rest"]["spec"]
        (port,) = service["ports"]
        assert service["selector"] == {"app.kubernetes.io/name": name}
        assert port["targetPort"] in {each["name"] for each in container["ports"]}
        assert endpoints[f"{name}-rest"]["spec"]["baseUrl"] == f"http://{name}-rest"
        assert port["port"] == 80
    for policy in of_kind(manifests, "NetworkPolicy").values():
        *_, added = policy["spec"]["ingress"]
        assert added["ports"] == [{"port": 8080, "protocol": "TCP"}]
        (source,) = added["from"]
        assert source == {"podSelector": {"matchLabels": {"dapr.io/sidecar-injected": "true"}}}
    assert len(of_kind(manifests, "NetworkPolicy")) == (overlay == "prod")


def test_secure_listeners_have_a_certificate_and_a_token_which_the_mesh_knows(
    tmp_path: Path,
) -> None:
    manifests = render(tmp_path, "prod", ["http-secure"])
    services, endpoints = of_kind(manifests, "Service"), of_kind(manifests, "HTTPEndpoint")
    for name, deployment, container in deployments(manifests):
        settings = settings_of(name, container, tmp_path)
        (mount,) = (it for it in container["volumeMounts"] if it["name"] == "listeners")
        files = {Path(mount["mountPath"]) / file for file in ("tls.crt", "tls.key")}
        assert {settings.http_certificate, settings.http_key} == files
        (token,) = (it for it in container["env"] if it["name"] == "APP_API_TOKEN")
        assert token["valueFrom"]["secretKeyRef"] == {"name": "app-token", "key": "token"}
        assert annotations_of(deployment)["app-token-secret"] == "app-token"  # of its key `token`
        endpoint = endpoints[f"{name}-rest"]["spec"]
        assert endpoint["baseUrl"] == f"https://{name}-rest"
        root = {"name": "listeners", "key": "ca.crt"}
        assert endpoint["clientTLS"] == {"rootCA": {"secretKeyRef": root}}
        (header,) = endpoint["headers"]
        assert header == {"name": "dapr-api-token", **token["valueFrom"]}
        (port,) = services[f"{name}-rest"]["spec"]["ports"]
        assert (port["name"], port["port"], port["targetPort"]) == ("https", 443, "http")


def test_the_images_differ_in_the_service_and_in_nothing_else() -> None:
    pca, classify = (
        (ROOT / "services" / name / "Dockerfile").read_text() for name in ("pca", "classify")
    )
    extras = re.sub(r"^(# EXTRAS.*|ARG EXTRAS)\n", "", classify, flags=re.MULTILINE)
    extras = extras.replace(" ${EXTRAS:+--extra ${EXTRAS}}", "")
    pca = pca.replace(" --extra images --extra xlsx", "")
    pca = re.sub(r"^# PNG and PDF .*\nRUN ldconfig .*\n", "", pca, flags=re.MULTILINE)
    runs = [line for line in pca.splitlines() if not line.startswith(("LABEL", " ", "COPY"))]
    assert [line.replace("pca", "classify") for line in runs] == [
        line for line in extras.splitlines() if not line.startswith(("LABEL", " ", "COPY"))
    ]


@pytest.mark.parametrize("service", [*SERVICES, "jobs"])
def test_an_image_is_built_with_the_versions_that_the_project_names(service: str) -> None:
    dockerfile = (ROOT / "services" / service / "Dockerfile").read_text()
    arguments = dict(re.findall(r"^ARG (\w+)=(.+)$", dockerfile, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text()
    assert arguments["VERSION"] == VERSION
    assert f"UV_VERSION := {arguments['UV_VERSION']}\n" in makefile
    assert re.search(r"^USER (\d+):\1$", dockerfile, re.MULTILINE), (
        "a number, so that non-root is known"
    )


def test_the_chart_of_the_page_is_installed_as_the_cluster_of_the_tests_has_it() -> None:
    page = block("docs/kubernetes.md", "helm upgrade --install")
    settings = dict(re.findall(r"--set (\S+)=(\S+)", page))
    assert settings.pop("global.ha.enabled") == "true"  # the tests have one node
    tests = (ROOT / "tests/cluster/controlplane.py").read_text()
    for name, value in settings.items():
        assert f'"{name}": "{value}"' in tests
    (version,) = re.findall(r"--version (\S+)", page)
    assert f"oldest_daprd={version}\n" in (ROOT / "tools/dapr-bin").read_text()


def test_the_images_of_the_page_are_those_of_the_manifests(tmp_path: Path) -> None:
    page = block("docs/kubernetes.md", "docker build")
    built = dict(re.findall(r"docker build -f (\S+) -t (\S+) \.$", page, re.MULTILINE))
    for dockerfile in built:
        assert (ROOT / dockerfile).is_file()
    wanted = {container["image"] for _, _, container in deployments(render(tmp_path, "dev"))}
    assert set(built.values()) == wanted
    (loaded,) = re.findall(r"kind load docker-image (.*?) *#", page)
    assert set(loaded.split()) == wanted


def test_the_secret_of_the_page_is_the_one_that_sidecars_read(prod: list[Manifest]) -> None:
    page = block("docs/kubernetes.md", "create secret generic redis")
    create_namespace, create_secret = page.strip().splitlines()
    namespace, secret = (
        yaml.safe_load(
            subprocess.run(
                ["/usr/bin/env", "bash", "-c", command],
                env=os.environ | {"PATH": f"{Path(kubectl()).parent}:{os.environ['PATH']}"},
                capture_output=True,
                check=True,
            ).stdout
        )
        for command in (
            create_namespace.removesuffix(" | kubectl apply -f -"),
            f"{create_secret} --dry-run=client --output=yaml",
        )
    )
    assert namespace["metadata"]["name"] == secret["metadata"]["namespace"] == "meshlens"
    for component in of_kind(prod, "Component").values():
        for entry in component["spec"]["metadata"][:2]:
            assert entry["secretKeyRef"]["name"] == secret["metadata"]["name"]
            assert entry["secretKeyRef"]["key"] in secret["data"]


def test_the_overlay_of_the_page_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    (overlay,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    here = os.path.relpath(ROOT, tmp_path)
    manifests = render_text(tmp_path, overlay.replace("../meshlens", here))
    assert {"PersistentVolumeClaim", "HorizontalPodAutoscaler"} <= {it["kind"] for it in manifests}
    images = {container["image"] for _, _, container in deployments(manifests)}
    assert images == {
        "registry.example.com/meshlens/pca:0.1.0",
        "registry.example.com/meshlens/classify:0.1.0",
    }
    limits = {
        name: container["resources"]["limits"]["cpu"]
        for name, _, container in deployments(manifests)
    }
    assert limits == {"pca": "2", "classify": "4"}


def test_an_overlay_that_tags_classify_does_not_take_tensorflow_away(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    (overlay,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    overlay = overlay.replace("components/tracing]", "components/tracing, TENSORFLOW]")
    overlay = overlay.replace("TENSORFLOW", "../meshlens/k8s/components/tensorflow")
    here = os.path.relpath(ROOT, tmp_path)
    manifests = render_text(tmp_path, overlay.replace("../meshlens", here))
    images = {name: container["image"] for name, _, container in deployments(manifests)}
    assert images["classify"] == "meshlens/classify-tensorflow:0.1.0"
