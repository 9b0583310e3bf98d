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

_OVERLAYS = Path(__file__).parent / "overlays"
PROD = _OVERLAYS / "prod"
TENSORFLOW = _OVERLAYS / "tensorflow"

_NAME = "app.kubernetes.io/name"
_METRICS = 9091
_LEAVE_SECONDS = 180.0
_REDIS = Path(__file__).parent / "redis.yaml"
_CALLER = Path(__file__).parent / "caller.yaml"
# App ids: prod allows the first to call by gRPC and the second by HTTP; the third is unknown.
CALLERS = ("caller", "gateway", "stranger")


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
                self._import(container["image"])

    def start_callers(self) -> None:
        """Start the pods that make calls."""
        template = _CALLER.read_text()
        pods = "\n---\n".join(template.replace("NAME", name) for name in CALLERS)
        self.node.kubectl("apply", "--filename=-", stdin=pods)
        names = [f"pod/{name}" for name in CALLERS]
        self.kubectl("wait", "--for=condition=Ready", "--timeout=120s", *names)

    def offer_volume(self) -> None:
        """Create the volume of models, with the digits in it."""
        shutil.copytree(shipped_models() / "digits", self.models / "digits")
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": "models"},
            "spec": {
                "capacity": {"storage": "10Gi"},
                "accessModes": ["ReadWriteMany"],
                "hostPath": {"path": str(self.models)},
                "claimRef": {"namespace": NAMESPACE, "name": "models"},
            },
        }
        self.node.kubectl("apply", "--filename=-", stdin=yaml.safe_dump(volume))

    def start_redis(self) -> None:
        """Create the namespace and start a Redis in it, which keeps its data until its pod ends."""
        self.node.kubectl("apply", "--filename", ROOT / "k8s" / "base" / "namespace.yaml")
        self._import(REDIS_IMAGE)
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
            listing = self.node.get("pods", f"--namespace={NAMESPACE}", f"--selector={_NAME}")
            return all("deletionTimestamp" not in pod["metadata"] for pod in listing["items"])

        self.node.eventually(all_stay, "no replica is terminating", within=_LEAVE_SECONDS)

    def caller(self, name: str) -> Caller:
        """The pod that makes calls under this app id."""
        return Caller(self.node, name)

    def replicas(self, app: str) -> list[dict[str, Any]]:
        """A service's replicas, as the API server describes them."""
        selector = f"--selector={_NAME}={app}"
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
        wanted = {"method": method, "code": "OK"}
        for family in text_string_to_metric_families(self.node.kubectl("get", "--raw", where)):
            for sample in family.samples:
                if sample.name == "meshlens_calls_total" and sample.labels == wanted:
                    return int(sample.value)
        return 0

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl in the project's namespace."""
        return self.node.kubectl(f"--namespace={NAMESPACE}", *arguments, timeout=600.0)

    def _is_scaled(self, name: str) -> bool:
        least = self.kubectl("get", f"hpa/{name}", "--output=jsonpath={.spec.minReplicas}")
        there = self.kubectl("get", f"deployment/{name}", "--output=jsonpath={.spec.replicas}")
        return int(there) >= int(least)

    def _import(self, image: str) -> None:
        if image in self._imported:
            return
        name = image.partition(":")[0].removeprefix("meshlens/")
        service, _, extra = name.partition("-")
        if image == REDIS_IMAGE:
            archive = self._images.redis()
        else:
            extras = {"EXTRAS": extra} if extra else {}
            archive = self._images.service(f"docker.io/{image}", service, extras)
        self.node.import_image(archive)
        self._imported.add(image)
