"""The dashboard and the alerts query what the services show, and each alert has its page."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from documents import ROOT

FOLDER = ROOT / "k8s" / "components" / "prometheus"
PAGE = (ROOT / "docs" / "operations.md").read_text()
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
RULES = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
# What Prometheus adds to whatever it scrapes, on a cluster.
OF_TARGETS = {"job", "instance", "namespace", "pod", "container", "dapr_io_app_id"}


def read_table() -> dict[str, tuple[str, set[str]]]:
    """The kind and the labels of each metric on the page."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", PAGE, re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def list_series() -> dict[str, set[str]]:
    """The labels of each series that Prometheus has of these metrics."""
    series: dict[str, set[str]] = {}
    for name, (kind, labels) in read_table().items():
        if kind == "histogram":
            series[f"{name}_bucket"] = labels | {"le"}
            series |= {f"{name}_sum": labels, f"{name}_count": labels}
        else:
            series[name] = labels
    return series


def find_parts(query: promql_parser.Expr) -> Iterator[Any]:
    """Every part of a query."""
    yield query
    for name in ("expr", "lhs", "rhs", "param", "vector_selector"):
        part = getattr(query, name, None)
        if part is not None:
            yield from find_parts(part)
    for part in getattr(query, "args", None) or ():
        yield from find_parts(part)


def check(query: str) -> None:
    """Check that a query can be parsed, and that its metrics and their labels are there."""
    series = list_series()
    parts = list(find_parts(promql_parser.parse(query.replace("$__rate_interval", "5m"))))
    selectors = [part for part in parts if isinstance(part, promql_parser.VectorSelector)]
    assert selectors
    labels = set(OF_TARGETS)
    for selector in selectors:
        assert selector.name in series, f"{selector.name} in {query}"
        own = series[selector.name]
        labels |= own
        for matcher in selector.matchers.matchers:
            assert matcher.name in own | OF_TARGETS, f"{matcher.name} of {selector.name}"
    for part in parts:
        modifier = getattr(part, "modifier", None)
        if isinstance(modifier, promql_parser.LabelModifier | promql_parser.AggModifier):
            assert set(modifier.labels) <= labels, query


QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']}-{target['refId']}")
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
]


@pytest.mark.parametrize("query", QUERIES)
def test_the_dashboard_queries_metrics_and_labels_that_are_there(query: str) -> None:
    check(query)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_queries_what_is_there_and_has_its_page(rule: dict[str, Any]) -> None:
    check(rule["expr"])
    assert promql_parser.parse_duration(rule["for"]) is not None
    assert rule["labels"]["severity"] in {"critical", "warning"}
    document, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert document == "docs/operations.md"
    assert anchor == rule["alert"].lower()
    _, found, section = PAGE.partition(f"\n### {rule['alert']}\n")
    assert found
    section = section.partition("\n#")[0]
    assert re.findall(r"^\*\*(.*?):\*\* \S", section, re.MULTILINE) == ["Means", "Look at", "Do"]
    for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
        assert label in OF_TARGETS | set().union(*list_series().values())


def test_every_section_on_an_alert_has_its_alert() -> None:
    assert re.findall(r"^### (Meshlens\w+)", PAGE, re.MULTILINE) == [it["alert"] for it in RULES]


def test_the_operator_has_the_same_rules() -> None:
    rule = yaml.safe_load((FOLDER / "prometheusrule.yaml").read_text())
    plain = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
    assert rule["spec"]["groups"] == plain["groups"]


def test_the_panels_of_the_dashboard_name_alerts_that_are_there() -> None:
    named = set(re.findall(r"alert (\w+)", json.dumps(DASHBOARD)))
    assert named
    assert named <= {rule["alert"] for rule in RULES}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.parametrize(
    "query",
    [
        "meshlens_nothing",
        'rate(meshlens_calls_total{nothing="x"}[5m])',
        "sum by (nothing) (meshlens_calls_total)",
        "sum(meshlens_calls_total) without meshlens_admitted",
        "meshlens_admitted / sum(meshlens_nothing_total)",
    ],
)
def test_a_query_of_what_is_not_there_is_found(query: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        check(query)


def test_the_page_is_linked_and_shows_a_line_as_it_is() -> None:
    assert "docs/operations.md" in (ROOT / "README.md").read_text()
    text = PAGE[PAGE.index('{"event": "request"') :].partition("```")[0]
    shown = set(json.loads(text))
    table = PAGE[PAGE.index("| field | |") : PAGE.index("The level is")]
    fields = set(re.findall(r"`(\w+)`", table.replace("model` and `version` only", "")))
    assert fields - shown == {"left_out"}
    assert shown - fields == {"event", "level", "timestamp", "service", "logger"}


def test_the_folder_has_no_file_besides() -> None:
    names = {path.name for path in Path(FOLDER).iterdir()}
    assert names == {
        "alerts.yaml",
        "dashboard.json",
        "kustomization.yaml",
        "podmonitor.yaml",
        "prometheusrule.yaml",
    }
