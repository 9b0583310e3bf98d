"""Known traps, each made by the smallest change of what ships, and what finds it."""

import copy
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from manifests import ROOT

Content: TypeAlias = dict[str, Any]
Change: TypeAlias = Callable[[Any], object]

RUN_FILE, CONFIG, RESILIENCY = "dapr/dapr.yaml", "dapr/config.yaml", "dapr/resiliency.yaml"
PUBSUB, STATE = "components/embedded/pubsub.yaml", "components/embedded/statestore.yaml"


@dataclass(frozen=True)
class Seed:
    """A fault in one document.

    Attributes:
        check: which is to find it.
        place: the file, or Kind/name on a cluster.
        changes: what is done to the document.
    """

    check: str
    place: str
    changes: Sequence[Change]


def seed(check: str, place: str, *changes: Change) -> Seed:
    return Seed(check, place, changes)


def put(path: str, value: object) -> Change:
    """Set a value; a part in brackets finds the entry of a list that has this name."""

    def change(content: Any) -> object:  # noqa: ANN401 - YAML
        parent, last = _descend(content, path)
        parent[last] = copy.deepcopy(value)
        return content

    return change


def drop(path: str) -> Change:
    def change(content: Any) -> object:  # noqa: ANN401 - YAML
        parent, last = _descend(content, path)
        del parent[last]
        return content

    return change


def add(path: str, value: object) -> Change:
    """Append an entry to a list, which is made if there is none."""

    def change(content: Any) -> object:  # noqa: ANN401 - YAML
        parent, last = _descend(content, path)
        parent.setdefault(last, []).append(copy.deepcopy(value))
        return content

    return change


def become(value: object) -> Change:
    """Replace the whole document; a text is written as it is."""
    return lambda _: copy.deepcopy(value)


def _descend(content: Any, path: str) -> tuple[Any, Any]:  # noqa: ANN401 - YAML
    *parents, last = path.split(" ")
    for key in parents:
        content = content[_find(content, key)]
    return content, _find(content, last)


def _find(content: Any, key: str) -> Any:  # noqa: ANN401 - YAML
    if isinstance(content, list):
        if key.isdecimal():
            return int(key)
        return next(at for at, entry in enumerate(content) if entry["name"] == key)
    return key


def plant(folder: Path, seeds: Iterable[Seed]) -> Path:
    """Copy what runs on a host to a folder, changed by these seeds, and return dapr/ in it."""
    for name in ("dapr", "components"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    for each in seeds:
        path = folder / each.place
        content = yaml.safe_load(path.read_text()) if path.exists() else {}
        for change in each.changes:
            content = change(content)
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        path.write_text(text)
    return folder / "dapr"


def spoil(manifests: Sequence[Content], seeds: Iterable[Seed]) -> bytes:
    """Return manifests as text, changed by these seeds."""
    changed: list[Any] = copy.deepcopy(list(manifests))
    for each in seeds:
        (at,) = (
            at
            for at, it in enumerate(changed)
            if f"{it['kind']}/{it['metadata']['name']}" == each.place
        )
        for change in each.changes:
            changed[at] = change(changed[at])
    return yaml.safe_dump_all(changed).encode()


_SUBSCRIPTION = {
    "apiVersion": "dapr.io/v2alpha1",
    "kind": "Subscription",
    "metadata": {"name": "results"},
    "spec": {"pubsubname": "pubsub", "topic": "results", "routes": {"default": "/results"}},
}
_HANDLED = {**_SUBSCRIPTION, "spec": {**_SUBSCRIPTION["spec"], "deadLetterTopic": "results-dead"}}  # type: ignore[dict-item] # mypy takes the values for str
_SECOND_STORE = {
    "apiVersion": "dapr.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "jobstore"},
    "spec": {
        "type": "state.redis",
        "version": "v1",
        "metadata": [{"name": "actorStateStore", "value": "true"}],
    },
}
_ACTORS = {"name": "actorStateStore", "value": "true"}
_KEPT = {"stateRetentionPolicy": {"completed": "24h"}}
_STREAM = """
metadata = [("dapr-app-id", "classify")]
for answer in stub.ModelStreamInfer(requests, metadata=metadata):
    print(answer)
"""

# Each list has one fault: what is found is the check of the first seed, and nothing else.
ON_A_HOST: list[list[Seed]] = [
    [seed("yaml", PUBSUB, become("spec: [unfinished"))],
    [seed("yaml", STATE, become("!!python/object/apply:os.system ['true']"))],
    [seed("missing-component", RUN_FILE, put("apps 0 env STATE_STORE", "elsewhere"))],
    [seed("missing-component", RUN_FILE, put("apps 1 env PUBSUB", "statestore"))],
    [seed("missing-component", STATE, put("scopes", ["pca"]))],
    [seed("unknown-option", RUN_FILE, put("common enableAppHealthChek", value=True))],
    [seed("unknown-option", RUN_FILE, put("apps 0 appPrt", 1))],
    [seed("unreached-environment", RUN_FILE, put("apps 0 env REDIS_HOST", "redis:6379"))],
    [seed("app-max-concurrency", RUN_FILE, put("common appMaxConcurrency", 1))],
    [seed("app-protocol", RUN_FILE, put("apps 1 appProtocol", "http"))],
    [seed("app-protocol", RUN_FILE, drop("common appProtocol"))],
    [seed("health-check", RUN_FILE, drop("common enableAppHealthCheck"))],
    [seed("health-check", RUN_FILE, put("apps 0 enableAppHealthCheck", value=False))],
    [seed("health-threshold", RUN_FILE, put("common appHealthThreshold", 1))],
    [seed("scheduler-address", RUN_FILE, put("common schedulerHostAddress", ""))],
    [seed("body-limit", RUN_FILE, drop("common maxBodySize"))],
    [seed("body-limit", RUN_FILE, put("apps 0 env MAX_BODY", "20Mi"))],
    [seed("unequal-body-limits", RUN_FILE, put("apps 0 maxBodySize", "64Mi"))],
    [seed("read-buffer", RUN_FILE, drop("common readBufferSize"))],
    [seed("unreadable-option", RUN_FILE, put("common appHealthProbeInterval", "soon"))],
    [seed("unreadable-option", RUN_FILE, put("common maxBodySize", ["32Mi"]))],
    [seed("processing-timeout", PUBSUB, put("spec metadata processingTimeout value", "20s"))],
    [seed("processing-timeout", PUBSUB, put("spec metadata processingTimeout value", "60"))],
    [seed("processing-timeout", PUBSUB, put("spec metadata processingTimeout value", "0"))],
    [seed("processing-timeout", RUN_FILE, put("apps 0 env REQUEST_TIMEOUT", 90))],
    [seed("stream-length", PUBSUB, drop("spec metadata maxLenApprox"))],
    [seed("read-timeout", PUBSUB, drop("spec metadata readTimeout"))],
    [seed("read-timeout", PUBSUB, put("spec metadata readTimeout value", "-1"))],
    [seed("in-memory-broker", PUBSUB, put("spec type", "pubsub.in-memory"))],
    [seed("consumer-id", PUBSUB, add("spec metadata", {"name": "consumerID", "value": "all"}))],
    [seed("dead-letter-topic", "components/embedded/results.yaml", become(_SUBSCRIPTION))],
    [
        seed(
            "bulk-subscribe",
            "components/embedded/results.yaml",
            become(_HANDLED),
            put("spec bulkSubscribe", {"enabled": True}),
        )
    ],
    [seed("retry-matching", RESILIENCY, drop("spec policies retries until-back matching"))],
    [
        seed(
            "retry-matching",
            RESILIENCY,
            put("spec policies retries until-taken matching gRPCStatusCodes", "0-16"),
        )
    ],
    [seed("endless-retry", RESILIENCY, drop("spec policies retries until-back maxRetries"))],
    [seed("endless-retry", RESILIENCY, put("spec policies retries until-taken maxRetries", -1))],
    [
        seed(
            "multiplied-retries",
            RESILIENCY,
            put("spec targets components pubsub outbound", {"retry": "until-back"}),
        )
    ],
    [
        seed(
            "circuit-breaker",
            RESILIENCY,
            put("spec policies circuitBreakers", {"fuse": {"timeout": "2s"}}),
            put("spec targets apps pca circuitBreaker", "fuse"),
        )
    ],
    [
        seed(
            "short-timeout",
            RESILIENCY,
            put("spec policies timeouts", {"quick": "15s"}),
            put("spec targets apps classify timeout", "quick"),
        )
    ],
    [
        seed(
            "unreadable-policy",
            RESILIENCY,
            put("spec policies retries until-back duration", "a moment"),
        )
    ],
    [seed("unknown-policy", RESILIENCY, put("spec targets apps pca retry", "until-bak"))],
    [seed("inbound-retry", RESILIENCY, drop("spec targets components"))],
    [seed("stream-metadata", "dapr/caller.py", become(_STREAM))],
    [
        seed(
            "shared-sqlite-file",
            CONFIG,
            put("spec nameResolution configuration connectionString", ".dapr/state.db"),
        )
    ],
    [seed("relative-sqlite-file", RUN_FILE, put("apps 0 appDirPath", "../other"))],
    [seed("sqlite-busy-timeout", STATE, put("spec metadata busyTimeout value", "100ms"))],
    [seed("sqlite-cleanup", STATE, drop("spec metadata cleanupInterval"))],
    [seed("shared-keys", STATE, add("spec metadata", {"name": "keyPrefix", "value": "name"}))],
    [seed("in-memory-state", STATE, put("spec type", "state.in-memory"))],
    [seed("small-items", STATE, put("spec type", "state.aws.dynamodb"))],
    [
        seed(
            "dapr-outbox",
            STATE,
            add("spec metadata", {"name": "outboxPublishPubsub", "value": "pubsub"}),
        )
    ],
    [
        seed("actor-stores", STATE, add("spec metadata", _ACTORS)),
        seed("", "components/embedded/jobs.yaml", become(_SECOND_STORE)),
        seed("", CONFIG, put("spec workflow", _KEPT)),
    ],
    [
        seed("workflow-history", STATE, add("spec metadata", _ACTORS)),
        seed("", CONFIG, drop("spec workflow")),
    ],
    [seed("names-cleanup", CONFIG, drop("spec nameResolution configuration cleanupInterval"))],
    [seed("names-renewal", CONFIG, drop("spec nameResolution configuration timeout"))],
    [seed("names-multicast", CONFIG, drop("spec nameResolution"))],
    [seed("names-multicast", RUN_FILE, drop("common configFilePath"))],
    [seed("watched-configuration", RUN_FILE, add("common resourcesPaths", "."))],
    [seed("metric-series", CONFIG, drop("spec metrics"))],
    [
        seed(
            "collector-security",
            CONFIG,
            put("spec tracing", {"otel": {"endpointAddress": "localhost:4317"}}),
        )
    ],
    [seed("open-api", RUN_FILE, put("common apiListenAddresses", "0.0.0.0"))],  # noqa: S104 - the fault
    [
        seed(
            "access-without-mtls",
            CONFIG,
            put("spec accessControl", {"policies": [{"appId": "caller", "operations": []}]}),
        )
    ],
]

_PCA = "Deployment/pca"
_NOTES = "spec template metadata annotations dapr.io/"
_CONTAINER = "spec template spec containers pca"
_MESHLENS = "Configuration/meshlens"
ON_A_CLUSTER: list[list[Seed]] = [
    [seed("runtime-version", _PCA, put(f"{_NOTES}sidecar-image", "daprio/daprd:1.18.1"))],
    [seed("missing-configuration", _PCA, put(f"{_NOTES}config", "meshlense"))],
    [seed("unknown-option", _PCA, put(f"{_NOTES}max-body-sice", "32Mi"))],
    [seed("app-max-concurrency", _PCA, put(f"{_NOTES}app-max-concurrency", "1"))],
    [seed("app-protocol", _PCA, drop(f"{_NOTES}app-protocol"))],
    [seed("app-port", _PCA, put(f"{_NOTES}app-port", "50052"))],
    [seed("listen-address", _PCA, drop(f"{_CONTAINER} env LISTEN_ADDRESS"))],
    [seed("health-check", _PCA, drop(f"{_NOTES}enable-app-health-check"))],
    [seed("health-threshold", _PCA, put(f"{_NOTES}app-health-threshold", "1"))],
    [seed("body-limit", _PCA, put(f"{_CONTAINER} env MAX_BODY value", "32Mi"))],
    [seed("unequal-body-limits", _PCA, put(f"{_NOTES}max-body-size", "48Mi"))],
    [seed("read-buffer", _PCA, drop(f"{_NOTES}read-buffer-size"))],
    [seed("sidecar-memory", _PCA, drop(f"{_NOTES}env"))],
    [seed("sidecar-memory", _PCA, put(f"{_NOTES}env", "GOMEMLIMIT=1100MiB"))],
    [seed("block-shutdown", _PCA, drop(f"{_NOTES}block-shutdown-duration"))],
    [seed("block-shutdown", _PCA, put(f"{_NOTES}block-shutdown-duration", "10s"))],
    [seed("block-shutdown", _PCA, put(f"{_NOTES}enable-native-sidecar", "true"))],
    [seed("drain", _PCA, drop(f"{_CONTAINER} env DRAIN_SECONDS"))],
    [seed("drain", _PCA, put(f"{_CONTAINER} env DRAIN_SECONDS value", "55"))],
    [seed("grace-period", _PCA, drop("spec template spec terminationGracePeriodSeconds"))],
    [seed("grace-period", _PCA, put("spec template spec terminationGracePeriodSeconds", 96))],
    [seed("stop-grace", _PCA, put(f"{_CONTAINER} env STOP_GRACE value", "10"))],
    [seed("outbox-volume", _PCA, drop(f"{_CONTAINER} env OUTBOX_FOLDER"))],
    [
        seed(
            "outbox-volume",
            _PCA,
            add(f"{_CONTAINER} env", {"name": "OUTBOX_STAYS", "value": "true"}),
        )
    ],
    [seed("outbox-volume", _PCA, drop(f"{_CONTAINER} volumeMounts outbox"))],
    [
        seed(
            "outbox-volume",
            _PCA,
            put("spec template spec volumes outbox emptyDir sizeLimit", "64Mi"),
        )
    ],
    [seed("missing-component", "Component/pubsub", put("scopes", ["classify"]))],
    [seed("inbound-retry", "Resiliency/meshlens", drop("spec targets components pubsub"))],
    [
        seed(
            "sqlite-on-cluster",
            "Component/statestore",
            put("spec type", "state.sqlite"),
            put("spec metadata", [{"name": "cleanupInterval", "value": "10m"}]),
        )
    ],
    [seed("hot-reload", _MESHLENS, drop("spec features"))],
    [seed("metric-series", _MESHLENS, put("spec metrics http increasedCardinality", value=True))],
    [
        seed(
            "wide-access",
            _MESHLENS,
            add("spec accessControl policies 0 operations", {"name": "/models", "action": "allow"}),
        )
    ],
    [
        seed(
            "access-verbs",
            _MESHLENS,
            put("spec accessControl policies 0 operations 1 httpVerb", ["GET"]),
        )
    ],
    [seed("open-api", _PCA, put(f"{_NOTES}sidecar-listen-addresses", "0.0.0.0"))],  # noqa: S104 - the fault
    [seed("app-token", _PCA, put(f"{_NOTES}app-token-secret", "app-token"))],
    [
        seed(
            "app-token",
            _PCA,
            add(f"{_CONTAINER} env", {"name": "APP_API_TOKEN", "value": "a token"}),
        )
    ],
]
_REDIS = "spec template spec containers 0 command"
IN_DEV: list[list[Seed]] = [
    [seed("broker-persistence", "Deployment/redis", drop("metadata annotations"))],
    [
        seed(
            "broker-eviction",
            "Deployment/redis",
            add(_REDIS, "--maxmemory-policy"),
            add(_REDIS, "allkeys-lru"),
        )
    ],
    [
        seed(
            "broker-persistence",
            "Deployment/redis",
            put("metadata annotations meshlens.dev/ignore-broker-persistence", " "),
        )
    ],
]
