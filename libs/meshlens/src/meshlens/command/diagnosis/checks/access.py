"""Who gets in: open addresses, access rules and tokens."""

from collections.abc import Iterator

from meshlens.command.diagnosis.findings import Check, Severity, Trouble
from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.scopes import Scope
from meshlens.command.diagnosis.sidecars import Form, Sidecar
from meshlens.command.diagnosis.values import read_truth

_LOOPBACK = ("127.0.0.1", "::1", "[::1]", "localhost")
_ON_LOOPBACK = "127.0.0.1"


def _find_open_apis(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.sidecars:
        node = sidecar.option("dapr-listen-addresses")
        addresses = [part.strip() for part in node.text.split(",") if part.strip()]
        if all(address in _LOOPBACK for address in addresses):
            continue
        if not (sidecar.option("api-token-secret").given or _is_restricted(scope, sidecar)):
            expected = f"{_ON_LOOPBACK}, or a token or a list of what is allowed"
            yield Trouble.at(sidecar.document, node, expected)


def _is_restricted(scope: Scope, sidecar: Sidecar) -> bool:
    if sidecar.form is Form.PROCESS and read_truth(sidecar.option("has-api-token").text):
        return True
    if sidecar.form is Form.RUN_FILE and sidecar.env.get("DAPR_API_TOKEN", Node()).text:
        return True
    name = sidecar.option("config").text
    configurations = [it for it in scope.of_kind("Configuration") if it.name == name]
    if not configurations:
        return not scope.whole and bool(name)
    return any(it.root.at("spec", "api", "allowed").given for it in configurations)


def _find_open_inner_ports(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.sidecars:
        if sidecar.form is not Form.PROCESS or not sidecar.knows_flags:
            continue
        if read_truth(sidecar.option("enable-mtls").text) is True:
            continue
        node = sidecar.option("dapr-internal-grpc-listen-address")
        if node.text not in _LOOPBACK:
            yield Trouble.at(sidecar.document, node, _ON_LOOPBACK, got=node.text or "all addresses")


def _policies(scope: Scope) -> Iterator[tuple[Document, Node]]:
    for document in scope.of_kind("Configuration"):
        for policy in document.root.at("spec", "accessControl", "policies").each():
            yield document, policy


def _find_unproven(scope: Scope) -> Iterator[Trouble]:
    if any(sidecar.form is Form.RUN_FILE for sidecar in scope.sidecars):
        for document in scope.of_kind("Configuration"):
            node = document.root.at("spec", "accessControl", "policies")
            if node.value:
                yield Trouble.at(document, node, "policies where there is mTLS")


def _find_wide(scope: Scope) -> Iterator[Trouble]:
    for document, policy in _policies(scope):
        for operation in policy.at("operations").each():
            name = operation.at("name")
            if operation.at("action").text == "allow" and name.text.rstrip("/") == "/models":
                yield Trouble.at(document, name, "/models/*")


def _find_verbs(scope: Scope) -> Iterator[Trouble]:
    for document, policy in _policies(scope):
        for operation in policy.at("operations").each():
            verbs = operation.at("httpVerb")
            if verbs.given and [verb.text for verb in verbs.each()] != ["*"]:
                yield Trouble.at(document, verbs, 'nothing, or ["*"]')


def _find_tokens(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.pods:
        if not sidecar.serves:
            continue
        sent, expected = sidecar.option("app-token-secret"), sidecar.env.get("APP_API_TOKEN")
        if sent.given and expected is None and sidecar.knows_env:
            yield Trouble.at(sidecar.document, sent, "APP_API_TOKEN in the service, too")
        elif expected is not None and not sent.given:
            yield Trouble.at(sidecar.document, sent, "the Secret of APP_API_TOKEN")


CHECKS = (
    Check(
        "open-api",
        Severity.ERROR,
        "a sidecar's API that is open to the network",
        "apiListenAddresses, dapr.io/sidecar-listen-addresses, --dapr-listen-addresses; tokens, and"
        " api.allowed of the Configuration",
        "Whoever reaches it calls every app, reads and deletes state, and publishes events in the"
        " name of the app.",
        "Listen on 127.0.0.1, or set a token, or list what is allowed in the Configuration.",
        _find_open_apis,
    ),
    Check(
        "open-inner-port",
        Severity.ERROR,
        "the port between sidecars, open to the network without mTLS",
        "flags of a live sidecar on this host",
        "It listens on all addresses whatever the API listens on, and takes calls without any"
        " token: a plot was answered with both tokens set.",
        "Start it with --dapr-internal-grpc-listen-address 127.0.0.1, as meshlens up does.",
        _find_open_inner_ports,
    ),
    Check(
        "access-without-mtls",
        Severity.ERROR,
        "access rules without identities",
        "accessControl of a Configuration that a run file names",
        "Rules by app need the certificates of mTLS; without them only defaultAction applies.",
        "Run Dapr's sentry with mTLS, or rely on tokens and loopback instead.",
        _find_unproven,
    ),
    Check(
        "wide-access",
        Severity.WARNING,
        "an operation that opens all below it",
        "operations of accessControl in a Configuration",
        "A name opens what begins with it, too: /models opens models/x/versions/1/unload.",
        "Write /models/*, which opens models and models/x.",
        _find_wide,
    ),
    Check(
        "access-verbs",
        Severity.ERROR,
        "access by HTTP verb to apps that speak gRPC",
        "httpVerb of operations in a Configuration",
        "Dapr ignores it for gRPC apps: a rule for GET allows POST and DELETE.",
        "Allow operations by their names.",
        _find_verbs,
    ),
    Check(
        "app-token",
        Severity.ERROR,
        "a token that only one side has",
        "dapr.io/app-token-secret, and APP_API_TOKEN of the service",
        "A service that expects a token which its sidecar does not send refuses every call; one"
        " that expects none lets in whoever reaches its port.",
        "Give both the same Secret.",
        _find_tokens,
    ),
)
