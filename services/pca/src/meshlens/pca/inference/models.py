"""The stored fits, as the protocols of other model servers see them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from meshlens.daprkit.application.status import Refused, Status
from meshlens.daprkit.messages import Provenance
from meshlens.pca.errors import FitNotFound
from meshlens.pca.inference.function import TransformFunction
from meshlens.pca.inference.recent import RecentFits
from meshlens.pca.models import ModelStore, is_id
from meshlens.protocols.errors import UnknownLabel, UnknownModel, UnknownVersion
from meshlens.protocols.models import ModelVersion, State

PLATFORM = "meshlens_pca"
# A fit never changes: another is another model.
VERSION = "1"
_FUNCTION = "transform"


@dataclass(frozen=True, slots=True)
class FitModel:
    """A fit, as `protocols.models.Model`."""

    name: str
    functions: Mapping[str, TransformFunction]
    version: str = VERSION
    platform: str = PLATFORM

    @property
    def provenance(self) -> Provenance:
        """Its id, which is the digest of what is stored."""
        return Provenance(self.name)


class FitModels:
    """The fits of a store, as `protocols.models.Models`: each is a model of one version.

    Every call may raise StoreUnavailable.

    Args:
        store: has the fits.
        recent: those of them in memory.
    """

    def __init__(self, store: ModelStore, recent: RecentFits) -> None:
        self._store = store
        self._recent = recent

    @contextmanager
    def lease(
        self,
        name: str,
        *,
        version: str = "",
        label: str = "",
        key: str = "",  # noqa: ARG002 - with one version there is nothing to choose
        computes: bool = True,  # noqa: ARG002 - a fit is described as it is used
    ) -> Iterator[FitModel]:
        """Keep a fit in use.

        Raises:
            UnknownModel, UnknownVersion, UnknownLabel: there is none.
        """
        model = self._find(name)
        if label:
            raise UnknownLabel(
                "expected no label, as fits have none", got=repr(label), remedy="leave it out"
            )
        if version not in ("", VERSION):
            raise UnknownVersion(
                f"expected version {VERSION}, the only one of a fit",
                got=repr(version),
                remedy="name that, or none",
            )
        yield model

    def versions(self, name: str = "") -> Sequence[ModelVersion]:
        """Return the version of a fit; of all that the store lists if the name is empty.

        Raises:
            UnknownModel: there is none of that name.
        """
        if name:
            return [_describe(self._find(name).name)]
        return [_describe(listed) for listed in self._store.names() if is_id(listed)]

    def load(self, name: str) -> None:
        """Bring a fit into memory, which its first use would do as well.

        Raises:
            UnknownModel: there is none of that name.
        """
        self._find(name)

    def unload(self, name: str) -> None:
        """Refuse it: as long as a fit is stored, every replica answers for it.

        Raises:
            UnknownModel: there is none of that name.
            Refused: always else.
        """
        self._find(name)
        raise Refused(
            Status.UNIMPLEMENTED,
            f"unloading '{name}' is not supported: a stored fit is always loaded, on every replica;"
            f" DELETE fits/{name} removes it",
        )

    def _find(self, name: str) -> FitModel:
        try:
            model = self._recent.find(name)
        except FitNotFound as error:
            raise UnknownModel(error.expected, got=error.got, remedy=error.remedy) from error
        return FitModel(name, {_FUNCTION: TransformFunction(model)})


def _describe(name: str) -> ModelVersion:
    return ModelVersion(name, VERSION, State.AVAILABLE)
