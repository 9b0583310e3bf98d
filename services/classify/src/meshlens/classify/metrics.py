"""What Prometheus reads of the models."""

from collections.abc import Iterator

from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.versions import Servable, State
from meshlens.classify.shadows.shadows import Shadows
from meshlens.daprkit.sidecar.notices import Notices
from meshlens.daprkit.telemetry.metrics import Metrics, Numbers

_VERSION = ("model", "version")


def show_models(metrics: Metrics, repository: Repository) -> None:
    """Show the models of a repository: their states, their size and what loading them has taken.

    Of a version that is gone nothing is shown, its calls included.
    """
    metrics.know_models(lambda: {name for name, _ in _list(repository)})
    metrics.gauge_by(
        "model_state",
        "1 for the state that a version is in, 0 for the others.",
        (*_VERSION, "state"),
        lambda: _states(repository),
    )
    metrics.gauge_by(
        "model_failed",
        "1 for a version that cannot be loaded, or could not the last time.",
        _VERSION,
        lambda: [(name, float(bool(it.error))) for name, it in _list(repository)],
    )
    metrics.gauge_by(
        "model_bytes",
        "Bytes of the file of a version that is loaded.",
        _VERSION,
        lambda: [(name, it.loaded.size) for name, it in _list(repository) if it.loaded],
    )
    metrics.count_by(
        "model_loads",
        "Loads of a version that have ended, by their outcome.",
        (*_VERSION, "outcome"),
        lambda: _loads(repository),
    )
    metrics.count_by(
        "model_load_seconds",
        "Seconds that these loads have taken together, without waiting for room.",
        _VERSION,
        lambda: [(name, it.seconds) for name, it in repository.loads.items()],
    )
    metrics.count(
        "evictions",
        "Versions of models unloaded because of MODEL_BUDGET.",
        lambda: repository.evictions,
    )


def show_shadows(metrics: Metrics, shadows: Shadows, notices: Notices | None) -> None:
    """Show what became of the inputs that were drawn for shadows, and of the events about them."""
    metrics.count_by(
        "shadow_inputs",
        "Inputs drawn for the shadow of a model: agreed, differed, dropped or failed.",
        ("model", "outcome"),
        lambda: shadows.show_totals().items(),
    )
    if notices:
        metrics.count(
            "agreement_events_lost",
            "Events about shadows that no broker has accepted.",
            lambda: notices.lost,
        )


def _list(repository: Repository) -> Iterator[tuple[tuple[str, str], Servable]]:
    for servable in repository.servables():
        yield (servable.source.model, servable.source.version), servable


def _states(repository: Repository) -> Numbers:
    for name, servable in _list(repository):
        for state in State:
            yield (*name, state), float(servable.state is state)


def _loads(repository: Repository) -> Numbers:
    for name, loads in repository.loads.items():
        yield (*name, "succeeded"), loads.succeeded
        yield (*name, "failed"), loads.failed
