"""A pod with the packages of other model servers' clients, and with a sidecar."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from client_programs import packages_of
from cluster.caller import NAMESPACE, Caller
from cluster.project import CALLER, Project, volume

# That of Debian bookworm, which the images are built from.
_PYTHON = "3.11"
VISITOR = "visitor"
_MOUNTED = "/environments"
_PROGRAMS = ("tfserving_grpc", "triton_rest")


def start_visitor(project: Project) -> Mapping[str, Caller]:
    """Start a pod under an app id that prod allows to call, beside the others.

    Returns:
        For each program of tests/clients the pod, whose Python imports that program's packages.
    """
    packages = {name: packages_of(name, _PYTHON) for name in _PROGRAMS}
    (environments,) = {path.parents[3] for path in packages.values()}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": VISITOR, "namespace": NAMESPACE},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    pod = yaml.safe_load(CALLER.read_text().replace("NAME", "caller"))
    pod["metadata"]["name"] = VISITOR
    source = {"claimName": VISITOR, "readOnly": True}
    pod["spec"]["volumes"] = [
        {"name": VISITOR, "persistentVolumeClaim": source},
        {"name": "tmp", "emptyDir": {}},  # for TensorFlow, which needs one to be imported
    ]
    pod["spec"]["containers"][0]["volumeMounts"] = [
        {"name": VISITOR, "mountPath": _MOUNTED, "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - of the pod
    ]
    project.apply_manifests(volume(VISITOR, environments), claim, pod)
    project.kubectl("wait", "--for=condition=Ready", "--timeout=120s", f"pod/{VISITOR}")
    return {
        name: Caller(project.node, VISITOR, str(Path(_MOUNTED) / path.relative_to(environments)))
        for name, path in packages.items()
    }
