"""Chains beside rollouts: what shares out the requests of a chain, and those to its members."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from unit.classify.chains import add_chain, add_detector, add_namer

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import InvalidModel, InvalidRollout
from meshlens.classify.model_files.showing import show
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.rollout import VERSION_HEADER, Asking, Rollout, Shadow
from meshlens.classify.tasks.chain.chain import Chain

HALVES = Rollout(weights={"1": 50, "2": 50}, key="caller")
CALLERS = [f"caller-{number}" for number in range(40)]


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """A chain called both, of things and colours; the chain and colours have two versions."""
    add_detector(tmp_path, "things")
    for version in ("1", "2"):
        (tmp_path / "colours" / version).mkdir(parents=True)
        add_namer(tmp_path / "colours" / version, "colours")
        add_chain(tmp_path, "both", "detect: things, classify: colours", version)
    found = Repository(tmp_path, partial(open_engine, workers=1), default="things")
    for servable in found.servables():
        found.load(servable.source.model, servable.source.version)
    yield found
    found.stop()


def ask(repository: Repository, asking: Asking) -> tuple[str, str, str]:
    """Return the version of the chain, and those of its members."""
    with repository.lease("both", asking=asking) as servable:
        assert servable.loaded
        assert isinstance(servable.loaded.lens, Chain)
        detect, classify = servable.loaded.lens.list_members()
        return servable.source.version, detect.version, classify.version


def test_a_member_is_shared_out_by_its_own_rollout_and_key(repository: Repository) -> None:
    repository.roll_out({"colours": HALVES})
    members = {}
    for caller in CALLERS:
        with repository.lease("colours", asking=Asking(caller)) as servable:
            members[caller] = servable.source.version
        assert ask(repository, Asking(caller)) == ("2", "1", members[caller])
    assert set(members.values()) == {"1", "2"}


def test_the_version_that_a_header_names_is_that_of_the_chain(repository: Repository) -> None:
    repository.roll_out({"colours": HALVES})
    named = {ask(repository, Asking(caller, {VERSION_HEADER: "1"})): caller for caller in CALLERS}
    # Things have no version 2, so a header that reached the members would be refused.
    named |= {ask(repository, Asking(caller, {VERSION_HEADER: "2"})): caller for caller in CALLERS}
    assert set(named) == {(chain, "1", colours) for chain in "12" for colours in "12"}


def test_a_chain_has_a_rollout_as_any_model(repository: Repository) -> None:
    with repository.prepared("both", HALVES, 30):
        repository.roll_out({"both": HALVES})
    chosen = {caller: ask(repository, Asking(caller))[0] for caller in CALLERS}
    assert chosen == {caller: ask(repository, Asking(caller))[0] for caller in CALLERS}
    assert set(chosen.values()) == {"1", "2"}


def test_a_chain_is_no_shadow_and_has_none(repository: Repository) -> None:
    shadow = Shadow(version="1", percent=5)
    with (
        pytest.raises(InvalidRollout, match="may name no chain, got version 1"),
        repository.prepared("both", Rollout(weights={"2": 100}, shadow=shadow), 30),
    ):
        pass
    # A rollout from a file is not prepared.
    with pytest.raises(InvalidModel, match="joins no others can be a shadow, got a chain"):
        repository.prepare_apart(repository.find_source("both", "1"))


def test_what_chains_of_a_rollout_join_must_fit_the_budget_together(tmp_path: Path) -> None:
    add_detector(tmp_path, "things")
    for version, namer in enumerate(("colours", "shades"), 1):
        add_namer(tmp_path, namer)
        add_chain(tmp_path, "both", f"detect: things, classify: {namer}", str(version))
    sizes = {it.model: it.size for it in show(tmp_path)}
    needed = sizes["things"] + sizes["colours"] + sizes["shades"]
    engines = partial(open_engine, workers=1)
    found = Repository(tmp_path, engines, default="things", budget=needed - 1)
    for name in ("things", "colours", "shades"):
        found.load(name)
    with (
        pytest.raises(InvalidRollout, match=rf"got {needed} bytes \(things@1 has"),
        found.prepared("both", HALVES, 30),
    ):
        pass
    found.stop()
