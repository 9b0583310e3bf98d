"""Mutants of the outbox: what the check must find, if it is to be believed when it finds nothing.

Each is a patch of daprkit's source that breaks one promise. The service under test imports a
patched copy; the rest of the mesh is as it is.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[2] / "libs/daprkit/src"
_PACKAGE = Path("meshlens/daprkit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A way to be wrong.

    Attributes:
        name: what it does.
        module: where, below meshlens.daprkit.
        old: what stands there, once.
        new: what it is replaced by.
        fault: the name of the fault that shows it.
        found: the class in which the check must put it.
        imports: modules that the patch needs.
    """

    name: str
    module: str
    old: str
    new: str
    fault: str
    found: str
    imports: str = ""

    def make(self, folder: Path) -> Path:
        """Write the patched package to a folder; return what goes first on PYTHONPATH."""
        shutil.copytree(_SOURCE / _PACKAGE, folder / _PACKAGE)
        module = folder / _PACKAGE / self.module
        text = module.read_text()
        assert text.count(self.old) == 1, f"{self.name}: {self.module} has changed"
        # Names are looked up when the patch runs, so that imports may stand at the end.
        module.write_text(f"{text.replace(self.old, self.new)}\n{self.imports}")
        return folder


MUTANTS: Sequence[Mutant] = (
    Mutant(
        name="an event is dropped",
        module="outbox/publisher.py",
        old="        try:\n            self._topic.publish(entry.event, wait=False)",
        new="        if entry.number % 5 == 0:\n            return ''\n"
        "        try:\n            self._topic.publish(entry.event, wait=False)",
        fault="none",
        found="lost",
    ),
    Mutant(
        name="failures have no events",
        module="outbox/events.py",
        old="        number = self._outbox.append(self._envelope.wrap(answered))",
        new="        if hasattr(answered.outcome, 'code'):\n            return\n"
        "        number = self._outbox.append(self._envelope.wrap(answered))",
        fault="none",
        found="lost",
    ),
    Mutant(
        name="an id is used again",
        module="application/keys.py",
        old="parts = [self.method, self.key.caller, self.key.text, self.print, outcome]",
        new="parts = [self.method, self.key.caller, self.key.text[:1], outcome]",
        fault="none",
        found="reused",
    ),
    Mutant(
        name="an event says something else",
        module="outbox/events.py",
        old="self._outbox.append(self._envelope.wrap(answered))",
        new="self._outbox.append(self._envelope.wrap(dataclasses.replace(\n"
        "            answered, outcome=Failure('INVALID_ARGUMENT'))))",
        fault="none",
        found="differing",
        imports="import dataclasses\nfrom meshlens.daprkit.application.events import Failure",
    ),
    Mutant(
        name="a result is published before it is written down",
        module="outbox/events.py",
        old="        number = self._outbox.append(self._envelope.wrap(answered))",
        new="        event = self._envelope.wrap(answered)\n"
        "        self._topic.publish(event, wait=False)\n"
        "        number = self._outbox.append(event)",
        fault="disk of the outbox: full",
        found="phantom",
    ),
    Mutant(
        name="an answer leaves before its event is written down",
        module="outbox/events.py",
        old="        number = self._outbox.append(self._envelope.wrap(answered))",
        new="        number = 0\n"
        "        threading.Thread(\n"
        "            target=self._outbox.append, args=[self._envelope.wrap(answered)]\n"
        "        ).start()",
        fault="disk of the outbox: full",
        found="lost",
        imports="import threading",
    ),
    Mutant(
        name="an event is removed before the broker has it",
        module="outbox/publisher.py",
        old="            fault = self._send(entry)\n            if fault and self._takes_another",
        new="            self._outbox.remove([entry])\n"
        "            fault = self._send(entry)\n            if fault and self._takes_another",
        fault="Redis and service: SIGKILL",
        found="lost",
    ),
    Mutant(
        name="an event that is sent again has a new id",
        module="outbox/publisher.py",
        old="        try:\n            self._topic.publish(entry.event, wait=False)",
        new="        event = json.loads(entry.event.body)\n"
        "        event['id'] = str(uuid.uuid4())\n"
        "        body = json.dumps(event).encode()\n"
        "        try:\n"
        "            self._topic.publish(dataclasses.replace(entry.event, body=body), wait=False)",
        fault="broker that refuses, hangs, denies and is late",
        found="doubled",
        imports="import dataclasses\nimport json\nimport uuid",
    ),
    Mutant(
        name="an event is sent after the next",
        module="outbox/publisher.py",
        old="        try:\n            self._topic.publish(entry.event, wait=False)",
        new="        held, self._held = getattr(self, '_held', None), entry\n"
        "        if held is None:\n"
        "            return ''\n"
        "        self._held = None\n"
        "        try:\n"
        "            self._topic.publish(entry.event, wait=False)\n"
        "            self._topic.publish(held.event, wait=False)",
        fault="none",
        found="disordered",
    ),
)
