"""What Prometheus reads of the admission of requests."""

from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.telemetry.metrics import Metrics


def show_admission(metrics: Metrics, admission: Admission) -> None:
    """Show how the waits of requests have ended."""
    for name, text, read in (
        ("begun", "Requests whose work has begun.", lambda: admission.begun),
        (
            "expired",
            "Requests whose time was over before their work began.",
            lambda: admission.expired,
        ),
        (
            "cancelled",
            "Requests whose callers had gone before their work began.",
            lambda: admission.cancelled,
        ),
        (
            "pushed_out",
            "Requests that waited and were refused in favour of those of lighter callers.",
            lambda: admission.pushed_out,
        ),
    ):
        metrics.count(name, text, read)
