"""A certificate authority for sidecars on this host, and apps that only call."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import yaml
from dapr_run import dapr_runtime
from mesh import ROOT, Mesh
from processes import Process, eventually, free_ports, is_listening

from meshlens.command.mesh.sidecars import LOOPBACK_FLAGS

NAMESPACE = "meshlens"
TRUST_DOMAIN = "public"


class Authority:
    """Dapr's sentry: it signs the certificate of each sidecar, with the app's id in it.

    Without a platform it believes each sidecar its app's id; on Kubernetes it checks it by the
    token of the pod's service account.

    Args:
        folder: of its own certificate and key, which it makes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        config = folder / "config.yaml"
        config.write_text(
            "{apiVersion: dapr.io/v1alpha1, kind: Configuration, metadata: {name: daprsystem}}"
        )
        self._port, *others = (port for port, _ in zip(free_ports(), range(3), strict=False))
        self._command = [
            str(dapr_runtime("sentry") / ".dapr/bin/sentry"),
            *("--config", str(config), "--issuer-credentials", str(folder)),
            *("--trust-domain", TRUST_DOMAIN),
            *("--listen-address", "127.0.0.1", "--port", str(self._port)),
            *("--healthz-listen-address", "127.0.0.1", "--healthz-port", str(others[0])),
            *("--metrics-listen-address", "127.0.0.1", "--metrics-port", str(others[1])),
        ]

    def __enter__(self) -> Self:
        self._process = Process("sentry", self._command, folder=self._folder, env=self._env)
        try:
            eventually(
                lambda: self._process.exit_code is not None or self._is_ready(),
                "sentry signs certificates",
            )
            assert self._process.exit_code is None, self._process.log()
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()

    def _is_ready(self) -> bool:
        return (self._folder / "ca.crt").exists() and is_listening(self._port)

    @property
    def _env(self) -> Mapping[str, str]:
        return {"NAMESPACE": NAMESPACE}

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags of the sidecars that it signs for."""
        return (
            "--enable-mtls",
            *("--sentry-address", f"127.0.0.1:{self._port}"),
            *("--control-plane-namespace", NAMESPACE),
            *("--control-plane-trust-domain", TRUST_DOMAIN),
        )

    @property
    def env(self) -> Mapping[str, str]:
        """Environment of the sidecars that it signs for."""
        return {**self._env, "DAPR_TRUST_ANCHORS": (self._folder / "ca.crt").read_text()}


class Visitor:
    """The sidecar of an app that only calls others in a mesh.

    Args:
        app: its id.
        mesh: in which it calls.
        flags: further flags of its daprd.
        env: environment of its daprd.
    """

    def __init__(
        self, app: str, mesh: Mesh, *, flags: tuple[str, ...] = (), env: Mapping[str, str]
    ) -> None:
        self.http, self.grpc, internal, metrics = (
            port for port, _ in zip(free_ports(), range(4), strict=False)
        )
        command = [
            str(dapr_runtime("daprd") / ".dapr/bin/daprd"),
            *("--app-id", app, "--config", str(ROOT / "dapr/config.yaml")),
            *("--dapr-http-port", str(self.http), "--dapr-grpc-port", str(self.grpc)),
            *("--dapr-internal-grpc-port", str(internal), "--metrics-port", str(metrics)),
            *("--dapr-listen-addresses", "127.0.0.1", *LOOPBACK_FLAGS),
            *flags,
        ]
        self._process = Process(
            f"{app}-daprd", command, folder=mesh.folder, env={"DAPR_HOST_IP": "127.0.0.1", **env}
        )

    def __enter__(self) -> Self:
        try:
            eventually(lambda: is_listening(self.http) and is_listening(self.grpc), "it listens")
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()


class GuardedMesh(Mesh):
    """A mesh whose rules let no service call itself, as the start of others has it checked."""

    def await_app(self, service: str) -> None:
        """Wait until a service's own sidecar passes calls on."""
        self._await(lambda: self._is_healthy(service), f"the sidecar of {service} finds it healthy")


def write_access(folder: Path, administrator: str) -> Path:
    """Write the access rules of k8s/overlays/prod, with an app that may call everything.

    Returns:
        The file of a Configuration.
    """
    shipped = yaml.safe_load((ROOT / "k8s/overlays/prod/access.yaml").read_text())
    whole = {"namespace": NAMESPACE, "trustDomain": TRUST_DOMAIN, "defaultAction": "allow"}
    shipped["spec"]["accessControl"]["policies"].append({"appId": administrator, **whole})
    path = folder / "access.yaml"
    path.write_text(yaml.safe_dump(shipped))
    return path
