"""The project on the cluster: its overlays, a Redis, and pods that call it through sidecars."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from cluster.caller import NAMESPACE, Caller
from cluster.images import REDIS_IMAGE, Images
from cluster.node import Node
from mesh import ROOT
from prometheus_client.parser import text_string_to_metric_families

from meshlens.classify.models import shipped_models

DEV = ROOT / "k8s" / "overlays" / "dev"
_OVERLAYS = Path(__file__).parent / "overlays"
PROD = _OVERLAYS / "prod"
TENSORFLOW = _OVERLAYS / "tensorflow"
CLIENTS = _OVERLAYS / "clients"
SECURE = _OVERLAYS / "secure"
JOBS = _OVERLAYS / "jobs"

NAME = "app.kubernetes.io/name"
_METRICS = 9091
_LEAVE_SECONDS = 180.0
_REDIS = Path(__file__).parent / "redis.yaml"
CALLER = Path(__file__).parent / "caller.yaml"
# App ids: prod allows the first to call by gRPC and the second by HTTP; the third is unknown. The
# last one is in the tests' overlay, and may change what is served.
CALLERS = ("caller", "gateway", "stranger", "ops")


class Project:
    """The services in their namespace.

    Args:
        node: the cluster.
        images: builds the services' images.

    Attributes:
        models: the folder behind the volume of models.
    """

    def __init__(self, node: Node, images: Images) -> None:
        self.node = node
        self.models = node.sandbox.folder / "models"
        self._images = images
        self._imported: set[str] = set()

    def apply(self, overlay: Path) -> None:
        """Apply an overlay and wait until its rollouts are complete."""
        self.bring_images(overlay)
        self.node.kubectl("apply", "--kustomize", overlay)
        self.await_rollouts()

    def bring_images(self, overlay: Path) -> None:
        """Bring the images of an overlay to the node; those that are not known are built."""
        rendered = list(yaml.safe_load_all(self.node.kubectl("kustomize", overlay)))
        deployments = [it for it in rendered if it["kind"] == "Deployment"]
        for deployment in deployments:
            for container in deployment["spec"]["template"]["spec"]["containers"]:
                self.bring_image(container["image"])

    def bring_image(self, image: str) -> None:
        """Bring an image to the node, unless it is there; one that is not known is built."""
        if image in self._imported:
            return
        name = image.partition(":")[0]
        if name.endswith("/redis"):
            self.node.import_image(self._images.redis())
            if image != REDIS_IMAGE:
                self.node.tag_image(REDIS_IMAGE, image)
        else:
            service, _, extra = name.removeprefix("meshlens/").partition("-")
            extras = {"EXTRAS": extra} if extra else {}
            self.node.import_image(self._images.service(f"docker.io/{image}", service, extras))
        self._imported.add(image)

    def bring_models(self, image: str, folder: Path) -> None:
        """Build an image of models by the Dockerfile in their folder, and bring it to the node."""
        self.node.import_image(self._images.models(f"docker.io/{image}", folder))

    def start_callers(self) -> None:
        """Start the pods that make calls."""
        template = CALLER.read_text()
        pods = "\n---\n".join(template.replace("NAME", name) for name in CALLERS)
        self.node.kubectl("apply", "--filename=-", stdin=pods)
        names = [f"pod/{name}" for name in CALLERS]
        self.kubectl("wait", "--for=condition=Ready", "--timeout=120s", *names)

    def offer_volume(self) -> None:
        """Create the volume of models, with the digits in it."""
        self.offer_model(shipped_models() / "digits")
        self.apply_manifests(volume("models", self.models))

    def offer_model(self, folder: Path) -> None:
        """Copy a model into the volume, unless it is there."""
        if not (self.models / folder.name).exists():
            shutil.copytree(folder, self.models / folder.name)

    def apply_manifests(self, *manifests: dict[str, Any]) -> None:
        """Apply manifests as they are."""
        self.node.kubectl("apply", "--filename=-", stdin=yaml.safe_dump_all(manifests))

    def start_redis(self) -> None:
        """Create the namespace and start a Redis in it, which keeps its data until its pod ends."""
        self.node.kubectl("apply", "--filename", ROOT / "k8s" / "base" / "namespace.yaml")
        self.bring_image(REDIS_IMAGE)
        self.node.kubectl("apply", "--filename", _REDIS)
        self.kubectl("rollout", "status", "deployment/redis", "--timeout=120s")

    def await_rollouts(self) -> None:
        """Wait until every replica of both services is up to date and available."""
        for name in ("pca", "classify"):
            # The autoscaler decides on the number of replicas.
            self.node.eventually(partial(self._is_scaled, name), f"{name} is scaled")
            self.kubectl("rollout", "status", f"deployment/{name}", "--timeout=300s")

    def await_leavers(self) -> None:
        """Wait until all terminating replicas have ended."""

        def all_stay() -> bool:
            listing = self.node.get("pods", f"--namespace={NAMESPACE}", f"--selector={NAME}")
            return all("deletionTimestamp" not in pod["metadata"] for pod in listing["items"])

        self.node.eventually(all_stay, "no replica is terminating", within=_LEAVE_SECONDS)

    def caller(self, name: str) -> Caller:
        """The pod that makes calls under this app id."""
        return Caller(self.node, name)

    def replicas(self, app: str) -> list[dict[str, Any]]:
        """A service's replicas, as the API server describes them."""
        selector = f"--selector={NAME}={app}"
        listing = self.node.get("pods", f"--namespace={NAMESPACE}", selector)
        return list(listing["items"])

    def pods(self, app: str) -> list[str]:
        """The names of a service's replicas that are not terminating."""
        return [
            pod["metadata"]["name"]
            for pod in self.replicas(app)
            if "deletionTimestamp" not in pod["metadata"]
        ]

    def answered(self, app: str, method: str) -> dict[str, int]:
        """How many calls of a method each replica has answered with OK, by its own metrics."""
        return {pod: self._answered_by(pod, method) for pod in self.pods(app)}

    def _answered_by(self, pod: str, method: str) -> int:
        where = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:{_METRICS}/proxy/metrics"
        wanted = {"method": method, "code": "OK"}.items()
        return sum(
            int(sample.value)
            for family in text_string_to_metric_families(self.node.kubectl("get", "--raw", where))
            for sample in family.samples
            if sample.name == "meshlens_calls_total" and wanted <= sample.labels.items()
        )

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl in the project's namespace."""
        return self.node.kubectl(f"--namespace={NAMESPACE}", *arguments, timeout=600.0)

    def _is_scaled(self, name: str) -> bool:
        least = self.kubectl("get", f"hpa/{name}", "--output=jsonpath={.spec.minReplicas}")
        there = self.kubectl("get", f"deployment/{name}", "--output=jsonpath={.spec.replicas}")
        return int(there) >= int(least)


def volume(name: str, folder: Path, claim: str = "") -> dict[str, Any]:
    """The manifest of a volume that a claim of the project gets, by default one of this name."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteMany"],
            "hostPath": {"path": str(folder)},
            "claimRef": {"namespace": NAMESPACE, "name": claim or name},
        },
    }
