"""All checks, in the order in which they are reported."""

from meshlens.command.diagnosis.checks import (
    access,
    brokers,
    delivery,
    endings,
    limits,
    names,
    presence,
    retries,
    runtime,
    state,
    workflows,
)

CHECKS = (
    *presence.CHECKS,
    *runtime.CHECKS,
    *limits.CHECKS,
    *endings.CHECKS,
    *delivery.CHECKS,
    *retries.CHECKS,
    *state.CHECKS,
    *workflows.CHECKS,
    *names.CHECKS,
    *brokers.CHECKS,
    *access.CHECKS,
)
