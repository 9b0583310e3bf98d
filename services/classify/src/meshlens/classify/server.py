"""The model server: listens first, then loads the models and reports which are ready."""

import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from meshlens.classify.answer_cache.cache import AnswerCache
from meshlens.classify.answer_cache.recent import RecentAnswers
from meshlens.classify.answer_cache.shared import SharedAnswers
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import (
    ClassifyError,
    EngineGone,
    InvalidModel,
    InvalidTensor,
    NotEnoughMemory,
    OutputTooLarge,
)
from meshlens.classify.metrics import show_models, show_shadows
from meshlens.classify.reference import AGREEMENT
from meshlens.classify.rollouts.board import Board
from meshlens.classify.rollouts.calls import CHANGES, RolloutCalls
from meshlens.classify.rollouts.documents import RolloutChange, Ruled
from meshlens.classify.rollouts.judging import Judging
from meshlens.classify.service import STATUS, Service
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.rollout import Rollout
from meshlens.classify.settings import Settings
from meshlens.classify.shadows.report import Report
from meshlens.classify.shadows.shadows import Shadows
from meshlens.classify.storage.cache import ModelCache
from meshlens.classify.storage.origins import LARGEST_MODEL, LONGEST_FETCH, Origins
from meshlens.classify.storage.source import Source
from meshlens.classify.storage.watcher import Watcher
from meshlens.daprkit.application.spreading import spread
from meshlens.daprkit.reference.about import Announcement
from meshlens.daprkit.server import Server
from meshlens.daprkit.settings import EventMode, load, split_origins
from meshlens.daprkit.sidecar.addresses import Inputs
from meshlens.daprkit.sidecar.blobs import BlobStore
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.expiring import ExpiringValues
from meshlens.daprkit.sidecar.notices import Notices
from meshlens.daprkit.sidecar.referenced import read_references, take_addresses
from meshlens.daprkit.sidecar.state import StateStore
from meshlens.daprkit.sidecar.topic import Topic
from meshlens.daprkit.telemetry.call import use_model
from meshlens.faults import Fault
from meshlens.protocols.wire.pool import find_services


def serve() -> int:
    """Serve until SIGTERM; return 0, or 2 if there is nothing to serve."""
    settings = load(Settings)
    sidecar = Sidecar(settings)
    blobs = BlobStore(sidecar, store=settings.state_store, timeout=settings.state_timeout)
    inputs = Inputs(
        sidecar, timeout=settings.state_timeout, seconds=LONGEST_FETCH, limit=LARGEST_MODEL
    )
    origins = Origins(mesh=inputs.read, private=settings.private_origins, places=settings.places)
    cache = ModelCache(blobs, origins.fetch, seconds=settings.state_timeout)
    try:
        repository = Repository(
            settings.models,
            partial(open_engine, workers=settings.workers, bounds=settings.bounds),
            default=settings.default_model,
            policy=settings.policy,
            budget=settings.model_budget,
            fetch=cache.fetch,
            places=settings.places,
            vouch=settings.signatures.vouch,
            spread=spread,
        )
    except ClassifyError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    build_server(settings, sidecar, repository, cache).run()
    return 0


def build_server(
    settings: Settings, sidecar: Sidecar, repository: Repository, cache: ModelCache
) -> Server:
    """Return a server that loads the models after its port has begun to answer.

    Args:
        settings: read from the environment.
        sidecar: the app's own sidecar, for the events.
        repository: the models.
        cache: stores their bytes.
    """

    def roll_out(rollouts: Mapping[str, Rollout] | None) -> None:
        repository.roll_out(rollouts)
        server.refresh()  # whether it is ready may depend on that

    notices = _open_notices(settings, sidecar, settings.agreement_topic, AGREEMENT)
    changes = _open_notices(settings, sidecar, settings.rollout_topic, CHANGES)
    shadows = Shadows(
        repository,
        bounds=settings.bounds,
        seconds=settings.shadow_timeout,
        memory=2 * settings.max_body,
        rest=lambda seconds: server.await_rest(seconds),  # noqa: PLW0108 - there is none yet
        publish=partial(_publish, notices) if notices else lambda _: None,
    )
    store = StateStore(sidecar, name=settings.state_store, timeout=settings.state_timeout)
    board = Board(
        roll_out,
        folder=settings.models,
        store=store if settings.model_rollouts else None,
        seconds=settings.state_timeout,
        announce=partial(_announce, changes) if changes else lambda _model, _ruled: None,
    )
    keeps_answers = settings.answer_cache > 0
    judging = Judging(board, shadows, keeps_answers=keeps_answers, may_answer=repository.may_answer)
    answers = _keep_answers(settings, sidecar)
    service = Service(
        repository,
        rollouts=RolloutCalls(board, repository, shadows, keeps_answers=keeps_answers),
        max_pixels=settings.max_pixels,
        max_body=settings.max_body,
        origins=split_origins(settings.gateway_origins),
        ready=lambda: server.ready,
        answers=answers,
        shadows=shadows,
    )
    server = Server(
        settings,
        take_addresses(service.routes(), read_references(sidecar, settings)),
        STATUS,
        sidecar,
        service.subscriptions(),
        services=service.services(),
        described=find_services(),
        lifespan=partial(_serve_models, settings, repository, board, judging, cache, shadows),
        readiness=repository.readiness,
        heeded=repository.list_headers,
    )
    server.show_cache("models", cache)
    if answers:
        server.show_cache("answer_cache", answers)
    show_models(server.metrics, repository)
    show_shadows(server.metrics, shadows, notices)
    repository.report_leases(use_model)
    repository.report_outcomes(partial(_judge, judging))
    return server


def _open_notices(
    settings: Settings, sidecar: Sidecar, name: str, announcement: Announcement
) -> Notices | None:
    """Return what publishes events about the service itself, None with EVENTS=off."""
    if settings.events is EventMode.OFF:
        return None
    topic = Topic(
        sidecar,
        pubsub=settings.pubsub,
        topic=name,
        timeout=settings.publish_timeout,
    )
    return Notices(topic, service=settings.app_id, event_type=announcement.event_type)


def _announce(notices: Notices, model: str, ruled: Ruled) -> None:
    """Tell of a change; whoever has made it does not wait for the broker."""
    change = RolloutChange(model=model, **dict(ruled))
    threading.Thread(
        target=notices.publish,
        args=(f"models/{model}/rollout", change.model_dump(mode="json")),
        name="rollout event",
        daemon=True,
    ).start()


# What a version may fail by itself: beyond what it has of them in common with the base.
_FAILURES = (EngineGone, InvalidModel, InvalidTensor, NotEnoughMemory, OutputTooLarge)


def _judge(
    judging: Judging, model: str, version: str, seconds: float, error: BaseException | None
) -> None:
    failed = isinstance(error, _FAILURES) or (
        isinstance(error, Exception) and not isinstance(error, Fault)
    )
    judging.note(model, version, seconds, failed=failed)


def _publish(notices: Notices, report: Report) -> None:
    notices.publish(f"models/{report.model}/shadow", report.model_dump(mode="json"))


def _keep_answers(settings: Settings, sidecar: Sidecar) -> AnswerCache | None:
    if not settings.answer_cache:
        return None
    seconds, shared = settings.answer_cache_seconds, None
    if settings.answer_cache_store:
        values = ExpiringValues(sidecar, store=settings.state_store, timeout=settings.state_timeout)
        shared = SharedAnswers(values, seconds=seconds)
    return AnswerCache(RecentAnswers(settings.answer_cache), seconds=seconds, shared=shared)


@contextmanager
def _serve_models(
    settings: Settings,
    repository: Repository,
    board: Board,
    judging: Judging,
    cache: ModelCache,
    shadows: Shadows,
    server: Server,
) -> Iterator[None]:
    """Load and watch the models, and report each change; begin no load after the end."""

    def refresh(sources: Iterable[Source]) -> None:
        there = tuple(sources)
        repository.refresh(there)
        server.refresh()
        cache.collect(there)

    watcher = Watcher(
        settings.models,
        refresh,
        settle=settings.watch_seconds or 1.0,
        places=settings.places,
    )
    cache.check()
    board.start()
    judging.start()
    repository.start(lambda _: server.refresh())
    if settings.watch_seconds > 0:
        watcher.start()
    try:
        yield
    finally:
        judging.stop()
        shadows.stop()
        board.stop()
        repository.stop()
        watcher.stop()
