"""The Helm chart comes to the same as the kustomizations, for the same choices."""

import itertools
import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import block
from helm import CHART, helm, render_chart
from manifests import COMPONENTS, OVERLAYS, ROOT, Manifest, render

pytestmark = pytest.mark.slow

# What chooses each component of k8s/components.
CHOICES = {
    "gateway": ["gateway.enabled=true"],
    "http": ["http.enabled=true"],
    "http-secure": ["http.enabled=true", "http.secure=true"],
    "jobs": ["jobs.enabled=true"],
    "keda": ["keda.enabled=true"],
    "models": ["models.volume.enabled=true"],
    "models-bucket": ["models.bucket.enabled=true"],
    "models-image": ["models.image.enabled=true"],
    "models-image-copy": ["models.image.enabled=true", "models.image.copy=true"],
    "native-sidecar": ["nativeSidecar.enabled=true"],
    "prometheus": ["prometheus.enabled=true"],
    "tensorflow": ["tensorflow.enabled=true"],
    "tracing": ["tracing.enabled=true"],
}
TOGETHER = ("http-secure", "keda", "models", "prometheus", "tensorflow", "tracing")


def by_name(manifests: list[Manifest]) -> dict[str, Any]:
    """Return manifests by kind and name, lists of named things in the order of their names."""

    def order(part: Any) -> Any:  # noqa: ANN401 - any part of a manifest
        if isinstance(part, dict):
            return {key: order(value) for key, value in part.items()}
        if isinstance(part, list):
            parts = [order(each) for each in part]
            named = all(isinstance(each, dict) and "name" in each for each in parts)
            return sorted(parts, key=json.dumps) if named else parts
        return part

    return {f"{it['kind']} {it['metadata']['name']}": order(it) for it in manifests}


@pytest.mark.parametrize(
    ("overlay", "components"),
    [(overlay, ()) for overlay in OVERLAYS]
    + [("prod", (name,)) for name in COMPONENTS]
    + [("dev", ("http", "models-image")), ("dev", ("models-bucket",)), ("dev", ("jobs",))]
    + [("prod", TOGETHER)],
    ids=lambda each: each if isinstance(each, str) else "+".join(each),
)
def test_the_chart_comes_to_what_the_overlay_does(
    overlay: str, components: tuple[str, ...], tmp_path: Path
) -> None:
    chosen = [choice for name in components for choice in CHOICES[name]]
    chart = by_name(render_chart("namespace.create=true", *chosen, dev=overlay == "dev"))
    expected = by_name(render(tmp_path, overlay, components))
    assert chart.keys() == expected.keys()
    for name, manifest in chart.items():
        assert manifest == expected[name], name


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ("http.secure=true", "http"),
        ("pca.limits=1", "limits"),
        ("scaling.min=0", "min"),
        ("scaling.min=many", "min"),
        ("tracing.samplingRate=11", "samplingRate"),
        ("tracing.collector=http://otel:4317", "collector"),
        ("classify.image.tag=a b", "tag"),
        ("classify.env.APP_PORT=1", "APP_PORT"),
        ("classify.env.WORKERS=8", "WORKERS"),
        ("models.volume.storage=much", "storage"),
        ("gatewy.enabled=true", "gatewy"),
    ],
)
def test_wrong_values_are_refused_with_the_place(choice: str, reason: str) -> None:
    done = helm("template", "meshlens", str(CHART), "--set", choice)
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr
    assert reason in done.stderr


@pytest.mark.parametrize("places", list(itertools.combinations(("volume", "image", "bucket"), 2)))
def test_models_come_from_one_place(places: tuple[str, str]) -> None:
    both = ",".join(f"models.{place}.enabled=true" for place in places)
    done = helm("template", "meshlens", str(CHART), "--set", both)
    assert done.returncode != 0
    assert "models" in done.stderr


def test_settings_and_limits_of_a_service_are_those_of_the_values() -> None:
    given = render_chart(
        "pca.env.LOG_LEVEL=DEBUG", "pca.env.MAX_BODY=1Mi", "pca.resources.limits.cpu=4"
    )
    (pca,) = (it for it in given if (it["kind"], it["metadata"]["name"]) == ("Deployment", "pca"))
    (container,) = pca["spec"]["template"]["spec"]["containers"]
    env = {each["name"]: each.get("value") for each in container["env"]}
    assert len(env) == len(container["env"])
    assert (env["LOG_LEVEL"], env["MAX_BODY"]) == ("DEBUG", "1Mi")
    assert container["resources"]["limits"] == {"cpu": 4, "memory": "1Gi"}


def test_everything_is_in_the_namespace_of_the_release() -> None:
    given = render_chart("namespace.create=true", "gateway.enabled=true", namespace="other")
    for each in given:
        name = each["metadata"]["name" if each["kind"] == "Namespace" else "namespace"]
        assert name == "other"
        if each["kind"] == "Configuration" and each["metadata"]["name"] == "meshlens":
            policies = each["spec"]["accessControl"]["policies"]
            assert {policy["namespace"] for policy in policies} == {"other"}


def test_the_chart_has_the_version_of_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert chart["version"] == chart["appVersion"] == version


def test_helm_finds_no_fault_in_the_chart() -> None:
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


def test_the_commands_of_the_page_come_to_something() -> None:
    commands = block("docs/kubernetes.md", "helm install meshlens").strip().splitlines()
    for command in commands:
        program, verb, *arguments = shlex.split(command)
        assert (program, verb) in {("helm", "install"), ("helm", "upgrade")}
        given = [it for it in arguments if it != "--create-namespace"]
        done = helm("template", *given, cwd=ROOT)
        assert "kind: Deployment" in done.stdout, done.stderr


def test_the_page_names_all_values() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for name, parts in values.items():
        assert f"`{name}" in page
        for part in parts:
            assert f"`{name}.{part}" in page or f"`.{part}" in page, f"{name}.{part}"
