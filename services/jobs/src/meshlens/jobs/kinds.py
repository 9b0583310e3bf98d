"""Which kinds of jobs there are."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType

from meshlens.batch.job import Job
from meshlens.jobs.errors import InvalidJob

# The kinds that ship, and the package each needs beside this one.
SHIPPED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "pictures": ("meshlens.jobs.pictures:Pictures", "meshlens.classify"),
        "pca-fit": ("meshlens.jobs.tables:Tables", "meshlens.pca"),
    }
)


class Kinds:
    """Makes jobs by the name of their kind.

    Args:
        places: module:class of each kind by its name; what it makes has no arguments.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)
        self._made: dict[str, Job] = {}

    @classmethod
    def of(cls, further: str) -> "Kinds":
        """Return the kinds that ship and are installed, and those that a setting adds.

        Args:
            further: name=module:class, separated by commas.
        """
        shipped = {name: place for name, (place, needs) in SHIPPED.items() if find_spec(needs)}
        added = dict(entry.split("=") for entry in further.split(",") if entry)
        return cls({**shipped, **added})

    @property
    def names(self) -> list[str]:
        """The names, in order."""
        return sorted(self._places)

    def make(self, name: str) -> Job:
        """Return a job of a kind: the same each time, as jobs have no state but their channels.

        Raises:
            InvalidJob: there is no such kind, or it cannot be imported.
        """
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = self._make(name)
        return made

    def _make(self, name: str) -> Job:
        place = self._places.get(name)
        if place is None:
            raise InvalidJob(
                f"kind must be one of {', '.join(self.names) or 'none: no kind is installed'}",
                got=repr(name),
                remedy="name one of those, or install the service that has it beside jobs",
                option="kind",
            )
        module, _, attribute = place.partition(":")
        try:
            factory: Callable[[], Job] = getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise InvalidJob(
                f"the kind {name} must be installed where jobs runs",
                got=f"{place}: {error}",
                remedy="install it beside jobs, or correct JOB_KINDS",
                option="kind",
            ) from error
        return factory()
