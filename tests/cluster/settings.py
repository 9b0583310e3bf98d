"""Flags and configuration files of the node's programs."""

from pathlib import Path
from typing import Any

from cluster.programs import CNI_PLUGINS
from cluster.sandbox import ADDRESS

NODE = "node"
PAUSE_IMAGE = "localhost/pause:1"

_PODS = "10.244.0.0/24"
_SERVICES = "10.96.0.0/16"
_API = f"https://{ADDRESS}:6443"
_CONTAINERD = "unix:///run/containerd/containerd.sock"
_ISSUER = "https://kubernetes.default.svc.cluster.local"


def etcd(files: Path) -> list[str]:
    """Flags of etcd."""
    return [
        f"--data-dir={files / 'etcd'}",
        "--unsafe-no-fsync",  # nothing has to survive this run
    ]


def apiserver(files: Path) -> list[str]:
    """Flags of kube-apiserver; it creates its own certificate, which clients trust as the root."""
    key = files / "service-account.key"
    return [
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={ADDRESS}",
        f"--cert-dir={files}",
        f"--token-auth-file={files / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        f"--service-cluster-ip-range={_SERVICES}",
        f"--service-account-issuer={_ISSUER}",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--kubelet-preferred-address-types=InternalIP",  # nothing resolves the node's name
    ]


def controller_manager(files: Path) -> list[str]:
    """Flags of kube-controller-manager."""
    return [
        "--leader-elect=false",
        "--use-service-account-credentials",
        "--horizontal-pod-autoscaler-sync-period=2s",
        f"--root-ca-file={files / 'apiserver.crt'}",
        f"--service-account-private-key-file={files / 'service-account.key'}",
    ]


def proxy() -> list[str]:
    """Flags of kube-proxy; 0 leaves conntrack settings unchanged, since they may be read-only."""
    return [
        "--proxy-mode=nftables",
        f"--hostname-override={NODE}",
        f"--cluster-cidr={_PODS}",
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
    ]


def kubelet(files: Path) -> list[str]:
    """Flags of the kubelet."""
    return [
        f"--config={files / 'kubelet.yaml'}",
        f"--hostname-override={NODE}",
        f"--node-ip={ADDRESS}",
    ]


def kubelet_configuration(files: Path, cgroup: str) -> dict[str, Any]:
    """The kubelet's configuration; all pods run in `cgroup`."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        # It can only be reached from inside the sandbox.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": _CONTAINERD,
        "clusterDNS": [ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(files / "resolv.conf"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": False,
        "syncFrequency": "2s",  # how soon a pod sees a ConfigMap created after it, such as Dapr's
        # The disk is the host's: how full it is has nothing to do with this run.
        "evictionHard": {"memory.available": "100Mi"},
        "imageGCHighThresholdPercent": 100,
    }


def kubeconfig(files: Path, token: str) -> dict[str, Any]:
    """The administrator's access to the API server."""
    cluster = {"server": _API, "certificate-authority": str(files / "apiserver.crt")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "meshlens", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "meshlens", "context": {"cluster": "meshlens", "user": "admin"}}],
        "current-context": "meshlens",
    }


def containerd(files: Path) -> str:
    """containerd's configuration."""
    return f"""
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true # lowering it needs CAP_SYS_RESOURCE, which a container may lack
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PLUGINS}"
    conf_dir = "{files / "cni"}"
"""


def cni() -> dict[str, Any]:
    """The pods' network: one bridge. It enforces no NetworkPolicy."""
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": _PODS}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def corefile(kubeconfig: Path) -> str:
    """CoreDNS's configuration: only names of the cluster, cached as long as with kubeadm."""
    return f"""
.:53 {{
  bind {ADDRESS}
  errors
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {kubeconfig}
    ttl 30
  }}
  cache 30
}}
"""
