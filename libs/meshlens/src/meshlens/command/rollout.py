"""`meshlens models rollout`: show and set how the requests of a model are shared out."""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from meshlens.command.calls import App, add_sidecar, run_action

_DESCRIPTION = """\
Show how the requests that name MODEL, but none of its versions, are shared out; or set it.
"""
_EPILOG = """\
examples:
  meshlens models rollout digits
  meshlens models rollout digits set 1=90 2=10 --key caller
  meshlens models rollout digits back
  meshlens models rollout digits watch

The exit code is 0 if the call was answered, 2 if it was refused.
"""
_POLL_SECONDS = 0.5
_LIMITS = ("errors", "latency", "agreement", "window")


def main(arguments: Sequence[str], *, prog: str) -> int:
    """Do what the words say; return the exit code."""
    options = _parse(arguments, prog)
    action: Callable[[App, argparse.Namespace], int] = _ACTIONS[options.action]
    return run_action(action, options.app, options, interrupted=0)


def _show(app: App, options: argparse.Namespace) -> int:
    print(_describe(app.read("GET", "models", options.model, "rollout")))
    return 0


def _watch(app: App, options: argparse.Namespace) -> int:
    """Print each change as this mesh's replicas tell it, until Ctrl-C."""
    shown = ""
    while True:
        now = _describe(app.read("GET", "models", options.model, "rollout"))
        if now != shown:
            print(f"{time.strftime('%H:%M:%S')}\n{now}", flush=True)
            shown = now
        time.sleep(_POLL_SECONDS)


def _set(app: App, options: argparse.Namespace) -> int:
    body: dict[str, Any] = {"weights": dict(options.weight), "labels": dict(options.label)}
    said = {name: getattr(options, name) for name in ("key", "base")}
    body |= {name: value for name, value in said.items() if value is not None}
    judge = {name: value for name in _LIMITS if (value := getattr(options, name)) is not None}
    if judge:
        body["judge"] = judge
    if options.shadow:
        version, percent = options.shadow
        body["shadow"] = {"version": version, "percent": percent}
    print(_describe(app.read("PUT", "models", options.model, "rollout", body=body)))
    return 0


def _back(app: App, options: argparse.Namespace) -> int:
    print(_describe(app.read("POST", "models", options.model, "rollout", "back")))
    return 0


def _end(app: App, options: argparse.Namespace) -> int:
    print(_describe(app.read("DELETE", "models", options.model, "rollout")))
    return 0


_ACTIONS: Mapping[str, Callable[[App, argparse.Namespace], int]] = {
    "show": _show,
    "set": _set,
    "back": _back,
    "end": _end,
    "watch": _watch,
}


def _describe(answer: Mapping[str, Any]) -> str:
    rollout = answer.get("rollout")
    if rollout is None:
        return f"{answer['model']}: no rollout"
    revision = f" revision {answer['revision']}" if answer["revision"] else ""
    lines = [f"{answer['model']}: from the {answer['source']}{revision}"]
    for version in sorted({*answer["states"], *answer["missing"]}, key=int):
        state = answer["states"].get(version, "is not there")
        weight = rollout["weights"].get(version)
        share = answer["shares"].get(version, 0)
        labels = [label for label, number in rollout["labels"].items() if number == version]
        words = [f"  {version:>4}  {state:12}"]
        if weight is not None:
            words.append(f"{weight:g}%" if weight == share else f"{weight:g}%, now {share:g}%")
        words += [f"({', '.join(labels)})"] if labels else []
        if (shadow := rollout.get("shadow")) and shadow["version"] == version:
            words.append(f"shadow of {shadow['percent']:g}%")
        lines.append("  ".join(words))
    if answer["reason"]:
        lines.append(f"  went back by itself: {answer['reason']}")
    if rollout["key"]:
        lines.append(f"  requests stay at one version by {rollout['key']}")
    lines += map(_describe_agreement, answer.get("agreement", ()))
    return "\n".join(lines)


def _describe_agreement(counts: Mapping[str, Any]) -> str:
    lost = {"failed": counts["failed"], "never saw": counts["dropped"]}
    notes = ", ".join(f"{what} {sum(each.values())}" for what, each in lost.items() if each)
    answers = f"{counts['compared']} answers of version {counts['version']}"
    line = f"  the shadow agreed with {counts['agreed']} of {answers}"
    return f"{line} ({notes})" if notes else line


def _read_pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return name, value


def _read_weight(text: str) -> tuple[str, float]:
    name, value = _read_pair(text)
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected VERSION=PERCENT, got {text!r}") from None


def _parse(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_sidecar(parser, 3501)
    parser.add_argument("--app", default="classify", help="app id (default: %(default)s)")
    parser.add_argument("model", metavar="MODEL")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    parser.set_defaults(action="show")
    actions.add_parser("show", help="say what holds (the default)")
    setting = actions.add_parser("set", help="share out requests once every version answers")
    setting.add_argument("weight", nargs="*", type=_read_weight, metavar="VERSION=PERCENT")
    setting.add_argument("--key", help="caller, option or header:<name>")
    setting.add_argument("--base", metavar="VERSION", help="the version to go back to")
    setting.add_argument(
        "--label", action="append", default=[], type=_read_pair, metavar="LABEL=VERSION"
    )
    setting.add_argument("--shadow", type=_read_weight, metavar="VERSION=PERCENT")
    limits = setting.add_argument_group("what ends it by itself")
    limits.add_argument("--errors", type=float, metavar="PERCENT", help="that a version may fail")
    limits.add_argument("--latency", type=float, metavar="TIMES", help="the base's median")
    limits.add_argument("--agreement", type=float, metavar="PERCENT", help="of a shadow")
    limits.add_argument("--window", type=float, metavar="SECONDS", help="that are looked at")
    actions.add_parser("back", help="send every request to the base version")
    actions.add_parser("end", help="end the rollout")
    actions.add_parser("watch", help="print each change until Ctrl-C")
    options = parser.parse_args(arguments)
    if options.action == "set":
        for pairs in (options.weight, options.label):
            _refuse_twice(setting, [name for name, _ in pairs])
    return options


def _refuse_twice(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        parser.error(f"expected each name once, got {', '.join(twice)} more than once")
