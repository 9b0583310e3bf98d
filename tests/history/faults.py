"""The faults, as data: how each begins and ends, and what is promised while it lasts."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from history.callers import Traffic
from history.checker import Promise
from history.component import Act
from history.records import Ending
from history.stage import SCRIPTED, Stage
from mesh import SERVICES
from processes import eventually

_ALL_ENDINGS = tuple(Ending)
_FAKETIME = "*/faketime/libfaketimeMT.so.1"
_HOUR = 3600
_STRICT = Promise()
# The sidecar may have sent a call again, unseen.
_BROKEN = Promise(withheld=False)


@dataclass(frozen=True, slots=True)
class Run:
    """A fault under way.

    Attributes:
        stage: where.
        traffic: who calls meanwhile.
        chance: decides what is left to it.
    """

    stage: Stage
    traffic: Traffic
    chance: Random

    def await_calls(self, service: str, *endings: Ending) -> None:
        """Wait for some further tries of calls, which ended in one of these ways."""
        self.traffic.await_tries(self.chance.randint(2, 12), service, *(endings or _ALL_ENDINGS))

    def await_retries(self, service: str = "pca") -> None:
        """Wait until events have been refused by the broker, or by nobody."""
        wanted = self.stage.count_retries(service) + self.chance.randint(1, 3)
        eventually(
            lambda: self.stage.count_retries(service) >= wanted,
            f"{service} has tried to publish in vain",
            within=60.0,
        )


Step = Callable[[Run], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault.

    Attributes:
        name: of it.
        start: makes it begin.
        lasts: returns when it has been there for long enough.
        stop: makes it end.
        promise: what holds.
        services: which are called.
        ways: by which ways.
        lacks: returns what the machine lacks for it; empty if it has all.
    """

    name: str
    start: Step
    lasts: Step
    stop: Step
    promise: Promise = _STRICT
    services: Sequence[str] = SERVICES
    ways: Sequence[str] = ("invoke", "grpc")
    lacks: Callable[[Stage], str] = lambda _: ""


def _do_nothing(_: Run) -> None:
    pass


def _until_disk_fails(run: Run) -> None:
    log = run.stage.mesh.process("pca").log
    eventually(lambda: "the outbox cannot be used" in log(), "the disk has failed", within=60.0)
    run.traffic.await_tries(run.chance.randint(8, 20), "pca", *_ALL_ENDINGS)


def _until_failures(run: Run) -> None:
    run.await_calls("pca", Ending.REFUSED, Ending.UNKNOWN)


def _until_answers(run: Run) -> None:
    run.await_calls("pca", Ending.ANSWERED)


def _until_retries(run: Run) -> None:
    run.await_retries()
    run.await_calls("pca", Ending.ANSWERED)


# Processes


def _terminate_app(run: Run) -> None:
    code = run.stage.mesh.stop_app("pca")
    assert code == 0, f"pca ended with code {code}"


def _kill_app(run: Run) -> None:
    run.stage.mesh.kill_app("pca")


def _start_app(run: Run) -> None:
    run.stage.mesh.start_app("pca")


def _terminate_sidecar(service: str) -> Step:
    def terminate(run: Run) -> None:
        process = run.stage.mesh.process(f"{service}-daprd")
        process.terminate()
        process.wait(60.0)

    return terminate


def _kill_sidecar(service: str) -> Step:
    return lambda run: run.stage.mesh.kill_sidecar(service)


def _start_sidecar(service: str) -> Step:
    def start(run: Run) -> None:
        run.stage.mesh.start_sidecar(service)
        run.stage.mesh.await_app(service)

    return start


def _kill_both(run: Run) -> None:
    run.stage.mesh.kill_app("pca")
    run.stage.mesh.kill_sidecar("pca")


def _start_both(run: Run) -> None:
    run.stage.mesh.start_sidecar("pca")
    run.stage.mesh.start_app("pca")


# The broker


def _kill_broker(run: Run) -> None:
    run.stage.mesh.process("redis").kill()


def _start_broker(run: Run) -> None:
    run.stage.mesh.start_redis()


def _freeze_broker(run: Run) -> None:
    os.kill(run.stage.mesh.process("redis").pid, signal.SIGSTOP)


def _thaw_broker(run: Run) -> None:
    os.kill(run.stage.mesh.process("redis").pid, signal.SIGCONT)


def _fill_broker(run: Run) -> None:
    with run.stage.open_broker() as broker:
        broker.config_set("maxmemory-policy", "noeviction")
        broker.config_set("maxmemory", 1)


def _empty_broker(run: Run) -> None:
    with run.stage.open_broker() as broker:
        broker.config_set("maxmemory", 0)


def _lose_broker_and_app(run: Run) -> None:
    _kill_broker(run)
    _until_retries(run)
    _kill_app(run)
    _start_app(run)


def _deliver_again(run: Run) -> None:
    with run.stage.open_broker() as broker:

        def find_delivered() -> tuple[int, ...]:
            groups = {it["name"]: it["last-delivered-id"] for it in broker.xinfo_groups("images")}
            return tuple(int(part) for part in groups[b"classify"].split(b"-"))

        before = find_delivered()
        eventually(lambda: find_delivered() > before, "a picture is delivered")
        run.await_calls("classify", Ending.ANSWERED)
        reached = find_delivered()
        broker.xgroup_setid("images", "classify", "-".join(map(str, before)))
        eventually(lambda: find_delivered() >= reached, "they are delivered again", within=60.0)


def _script_component(run: Run) -> None:
    run.stage.restart("pca", PUBSUB=SCRIPTED)
    acts = [*Act, *run.chance.choices(list(Act), k=3)]
    run.chance.shuffle(acts)
    run.stage.component.follow(acts)


def _until_script_is_over(run: Run) -> None:
    eventually(run.stage.component.is_done, "the script is over", within=60.0)


def _leave_component(run: Run) -> None:
    run.stage.component.follow(())
    run.stage.restart("pca", PUBSUB="")


# The disk and the clock


def _lacks_disk(stage: Stage) -> str:
    return "" if stage.disk else "only root may mount a disk that can be filled"


def _fill_disk(run: Run) -> None:
    # The log that a database of this process has written ahead is room, too.
    run.stage.restart("pca")
    run.stage.fill_disk()


def _lacks_strace(stage: Stage) -> str:
    if not shutil.which("strace"):
        return "strace is missing; install it: apt-get install strace"
    return _lacks_disk(stage)


def _fail_storage(run: Run) -> None:
    calls = "pwrite64,fdatasync,fsync"
    every = run.chance.randint(3, 7)
    paths = sorted(str(path) for path in (run.stage.disk or run.stage.folder).glob("*.db*"))
    run.stage.inject(
        (
            *(it for path in paths for it in ("-P", path)),
            *("-e", f"trace={calls}"),
            *("-e", f"inject={calls}:error=EIO:when={run.chance.randint(1, every)}+{every}"),
        )
    )


def _release(run: Run) -> None:
    run.stage.release()


def _find_faketime() -> str:
    return next((str(path) for path in Path("/usr/lib").glob(_FAKETIME)), "")


def _lacks_faketime(_: Stage) -> str:
    return (
        "" if _find_faketime() else "libfaketime is missing; install it: apt-get install faketime"
    )


def _shift_clock(run: Run) -> None:
    offset = run.stage.folder / "offset"
    offset.write_text("+0\n")
    run.stage.restart(
        "pca",
        LD_PRELOAD=_find_faketime(),
        FAKETIME_TIMESTAMP_FILE=str(offset),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    for sign in run.chance.sample(["+", "-"], 2):
        run.await_calls("pca", Ending.ANSWERED)
        offset.write_text(f"{sign}{_HOUR}\n")


def _restore_clock(run: Run) -> None:
    (run.stage.folder / "offset").write_text("+0\n")
    # Its next start is without the library.
    run.stage.set_env("pca", LD_PRELOAD="")


def _ended(
    name: str, ends: Mapping[str, Step], *, lasts: Step, stop: Step, services: Sequence[str]
) -> Iterator[Fault]:
    """Yield a fault for each signal that ends a program, by how that is done."""
    for signal_name, start in ends.items():
        yield Fault(
            name=f"{name}: {signal_name}",
            start=start,
            lasts=lasts,
            stop=stop,
            promise=_BROKEN,
            services=services,
        )


FAULTS: Sequence[Fault] = (
    Fault(name="none", start=_do_nothing, lasts=_until_answers, stop=_do_nothing),
    Fault(
        name="clock: an hour on, an hour back",
        start=_shift_clock,
        lasts=_until_answers,
        stop=_restore_clock,
        promise=_BROKEN,
        lacks=_lacks_faketime,
    ),
    *_ended(
        "service",
        {"SIGTERM": _terminate_app, "SIGKILL": _kill_app},
        lasts=_until_failures,
        stop=_start_app,
        services=SERVICES,
    ),
    *(
        fault
        for name, service, lasts in (
            ("sidecar of the service", "pca", _do_nothing),
            ("sidecar of the caller", "classify", _until_failures),
        )
        for fault in _ended(
            name,
            {"SIGTERM": _terminate_sidecar(service), "SIGKILL": _kill_sidecar(service)},
            lasts=lasts,
            stop=_start_sidecar(service),
            services=("pca",),
        )
    ),
    Fault(
        name="service and its sidecar: SIGKILL",
        start=_kill_both,
        lasts=_until_failures,
        stop=_start_both,
        promise=_BROKEN,
    ),
    Fault(name="Redis: SIGKILL", start=_kill_broker, lasts=_until_retries, stop=_start_broker),
    Fault(name="Redis: SIGSTOP", start=_freeze_broker, lasts=_until_retries, stop=_thaw_broker),
    Fault(name="Redis: full", start=_fill_broker, lasts=_until_retries, stop=_empty_broker),
    Fault(
        name="Redis and service: SIGKILL",
        start=_lose_broker_and_app,
        lasts=_until_answers,
        stop=_start_broker,
        promise=_BROKEN,
    ),
    Fault(
        name="pictures delivered again",
        start=_deliver_again,
        lasts=_do_nothing,
        stop=_do_nothing,
        # What the broker has accepted is not answered yet.
        promise=Promise(ordered=False),
        services=("classify",),
        ways=("topic", "grpc"),
    ),
    Fault(
        name="broker that refuses, hangs, denies and is late",
        start=_script_component,
        lasts=_until_script_is_over,
        stop=_leave_component,
        # An event that is refused while others are taken waits for no other.
        promise=Promise(ordered=False, withheld=False),
        services=("pca",),
    ),
    Fault(
        name="disk of the outbox: full",
        start=_fill_disk,
        lasts=_until_disk_fails,
        stop=_release,
        lacks=_lacks_disk,
    ),
    Fault(
        name="disk of the outbox: every N-th write fails",
        start=_fail_storage,
        lasts=_until_failures,
        stop=_release,
        # What fails last, once all is written, is undone by nobody.
        promise=_BROKEN,
        lacks=_lacks_strace,
    ),
)
