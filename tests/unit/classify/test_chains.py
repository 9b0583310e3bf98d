"""What callers get of a chain: boxes, each cut out and answered by a second model."""

import base64
import contextvars
import io
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree as ET

import pytest
from PIL import Image
from unit.classify.chains import EMPTY, LEFT, OUTSIDE, RIGHT, add_chain, add_detector, add_namer
from unit.classify.pictures import encode

from meshlens.classify import methods
from meshlens.classify.batch.local_model import LocalModel
from meshlens.classify.engines.engine import Engine, Tensor, TensorSpec
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import (
    EngineGone,
    ImageTooLarge,
    InvalidImage,
    InvalidModel,
    InvalidOption,
    ModelFailed,
    ModelNotReady,
    WrongTask,
)
from meshlens.classify.formats.card import MOST_CROPS, Task
from meshlens.classify.model_files.showing import show
from meshlens.classify.protocol_models import ProtocolModels
from meshlens.classify.service import STATUS, Service
from meshlens.classify.serving.joining import DEEPEST
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.version_policy import VersionPolicy
from meshlens.classify.serving.versions import State
from meshlens.classify.storage.scanner import Scanner
from meshlens.classify.tasks.chain.chain import one_by_one
from meshlens.classify.tasks.options import ModelOptions
from meshlens.daprkit.application.spreading import Parts, begin_sharing, spread
from meshlens.daprkit.errors import CallerGone
from meshlens.daprkit.messages import Reply, Request
from meshlens.protocols.errors import UnknownModel

JOINED = "detect: things, classify: colours"
LIMIT = 100_000


def two_halves(left: str = "red", right: str = "blue", size: int = 60) -> bytes:
    picture = Image.new("RGB", (2 * size, size), left)
    picture.paste(right, (size, 0, 2 * size, size))
    return encode(picture)


PICTURE = two_halves()


def fill(
    folder: Path,
    chains: Mapping[str, str],
    rows: Sequence[Sequence[float]] = (),
    **options: Any,  # noqa: ANN401 - of Repository
) -> Repository:
    """A detector called things, a classifier called colours, and chains."""
    add_detector(folder, "things", *rows)
    add_namer(folder, "colours")
    for name, chain in chains.items():
        add_chain(folder, name, chain)
    options.setdefault("default", "colours")
    return Repository(folder, partial(open_engine, workers=1), **options)


def load_all(repository: Repository) -> Service:
    for servable in repository.servables():
        repository.load(servable.source.model, servable.source.version)
    return Service(repository, max_pixels=LIMIT)


def serve(folder: Path, chain: str = JOINED, *rows: Sequence[float], **chains: str) -> Service:
    return load_all(fill(folder, {"both": chain, **chains}, rows))


def call(
    service: Service,
    path: str = "detect",
    body: bytes = PICTURE,
    content_type: str = "image/png",
    *,
    accept: str = "",
    name: str = "",
    **query: str,
) -> Reply:
    (route,) = [route for route in service.routes() if route.path == path]
    return route.endpoint(
        Request(
            method=path,
            verb="POST",
            query=query,
            content_type=content_type,
            body=body,
            headers={"accept": accept} if accept else {},
            parameters={"name": name},
        )
    )


def ask(service: Service, body: bytes = PICTURE, model: str = "both", **query: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    return json.loads(call(service, body=body, model=model, **query).body)


def first_labels(box: Mapping[str, Any]) -> list[str]:
    return [answer["labels"][0]["label"] for answer in box["answers"]]


def test_each_box_has_what_the_second_model_says_of_it(tmp_path: Path) -> None:
    said = ask(serve(tmp_path))
    assert (said["model"], said["version"], said["count"]) == ("both", "1", 2)
    assert (said["width"], said["height"]) == (120, 60)
    assert "left_out" not in said
    left, right = said["boxes"]
    sides = {"label": "thing", "score": 0.75, "x1": 0, "y1": 0, "x2": 60, "y2": 60}
    assert {name: left[name] for name in sides} == sides
    assert [first_labels(box) for box in (left, right)] == [["red"], ["blue"]]
    (answer,) = right["answers"]
    assert answer["model"] == "colours"
    assert answer["verdict"] == {"level": "very high", "sentence": "It is very likely a blue."}
    members = [(it["role"], it["model"], it["version"]) for it in said["members"]]
    assert members == [("detect", "things", "1"), ("classify", "colours", "1")]


def test_a_box_is_answered_as_its_pixels_are_when_they_are_sent_alone(tmp_path: Path) -> None:
    noise = Image.effect_noise((120, 60), 90)
    picture = Image.merge(
        "RGB", (noise, noise.rotate(180), noise.transpose(Image.Transpose.FLIP_TOP_BOTTOM))
    )
    service = serve(tmp_path, JOINED, (0.26, 0.12, 0.71, 0.93, 0.9))
    (box,) = ask(service, encode(picture))["boxes"]
    cut = picture.crop(
        (int(box["x1"]), int(box["y1"]), -int(-box["x2"] // 1), -int(-box["y2"] // 1))
    )
    alone = json.loads(call(service, "classify", encode(cut), model="colours").body)
    assert box["answers"][0]["labels"] == alone["labels"]


def test_a_margin_is_cut_out_with_a_box(tmp_path: Path) -> None:
    narrow = (0.45, 0, 0.5, 1, 0.75)
    margins = {f"by_{part}": f"{JOINED}, margin: 0.{part}" for part in (0, 9)}
    service = serve(tmp_path, JOINED, narrow, **margins)
    probabilities = [
        ask(service, model=name)["boxes"][0]["answers"][0]["labels"][0]["probability"]
        for name in ("both", "by_0", "by_9")
    ]
    assert probabilities[0] == probabilities[1] > probabilities[2], "the margin is blue"


def test_a_picture_on_its_side_is_cut_as_a_viewer_sees_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x112] = 6
    lying = Image.open(io.BytesIO(PICTURE)).transpose(Image.Transpose.ROTATE_90)
    said = ask(serve(tmp_path), encode(lying, exif=exif))
    assert [first_labels(box) for box in said["boxes"]] == [["red"], ["blue"]]
    read = {name: said["read"][name] for name in ("orientation", "resized")}
    assert read == {"orientation": 6, "resized": "stretched"}


def test_a_picture_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = serve(tmp_path)
    opened = []
    real = Image.open

    def count(file: IO[bytes], **rest: Any) -> Image.Image:  # noqa: ANN401 - Pillow's own
        opened.append(file)
        return real(file, **rest)

    monkeypatch.setattr(Image, "open", count)
    assert ask(service)["count"] == 2
    assert len(opened) == 1


def test_a_picture_without_boxes_has_none(tmp_path: Path) -> None:
    said = ask(serve(tmp_path), threshold="0.9")
    assert (said["count"], said["boxes"], len(said["members"])) == (0, [], 2)


@pytest.mark.parametrize("row", [EMPTY, OUTSIDE])
def test_a_box_without_an_area_fails_alone(tmp_path: Path, row: Sequence[float]) -> None:
    service = serve(tmp_path, f"{JOINED}, margin: 0.5", LEFT, row, RIGHT)
    reply = call(service, model="both")
    good, other, bad = json.loads(reply.body)["boxes"]
    assert first_labels(good) + first_labels(other) == ["red", "blue"]
    (failed,) = bad["answers"]
    assert failed["model"] == "colours"
    error = failed["error"]
    assert (error["code"], error["reason"]) == (STATUS[InvalidImage].name, "INVALID_IMAGE")
    assert "expected a box with an area in 120 x 60 pixels" in error["message"]


def test_only_the_surest_boxes_are_answered(tmp_path: Path) -> None:
    rows = [(0, 0, 1, 1, 0.5 + number / 200) for number in range(MOST_CROPS + 6)]
    chains = {"most": f"{JOINED}, limit: {MOST_CROPS}", "one": f"{JOINED}, limit: 1"}
    service = serve(tmp_path, JOINED, *rows, **chains)
    for name, limit in (("both", 32), ("most", MOST_CROPS), ("one", 1)):
        said = ask(service, model=name)
        assert (said["count"], len(said["boxes"])) == (limit, limit)
        assert said["left_out"] == len(rows) - limit
        assert said["boxes"][0]["score"] == pytest.approx(max(row[4] for row in rows))
    assert "left_out" not in ask(service, top_k="3"), "the caller wanted no more"


def test_options_and_the_card_choose_among_the_boxes(tmp_path: Path) -> None:
    service = serve(tmp_path, f"{JOINED}, threshold: 0.6")
    assert ask(service)["count"] == 1
    assert ask(service, threshold="0")["count"] == 2
    assert ask(service, threshold="0", top_k="1")["count"] == 1
    with pytest.raises(InvalidOption, match="min_size must be an input of the model"):
        ask(service, min_size="20")


def test_boxes_are_drawn_with_the_first_label(tmp_path: Path) -> None:
    service = serve(tmp_path)
    svg = ET.fromstring(call(service, accept="image/svg+xml", model="both").body)  # noqa: S314 - our own answer
    texts = [it.text for it in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["thing 0.75, red 1.00", "thing 0.50, blue 1.00"]
    plain = call(service, accept="image/png", model="things").body
    assert call(service, accept="image/png", model="both").body != plain


def test_several_pictures_are_answered_and_a_bad_one_fails_alone(tmp_path: Path) -> None:
    images = [
        base64.b64encode(data).decode() for data in (PICTURE, b"none", two_halves("blue", "red"))
    ]
    service = serve(tmp_path)
    reply = call(
        service,
        body=json.dumps({"images": images}).encode(),
        content_type="application/json",
        model="both",
    )
    one, bad, other = json.loads(reply.body)["answers"]
    assert [first_labels(box) for box in one["boxes"]] == [["red"], ["blue"]]
    assert [first_labels(box) for box in other["boxes"]] == [["blue"], ["red"]]
    assert bad["error"]["reason"] == "INVALID_IMAGE"


def test_a_picture_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageTooLarge):
        ask(serve(tmp_path), encode(Image.new("RGB", (400, 300))))


def test_the_event_has_the_members_and_the_answers(tmp_path: Path) -> None:
    reply = call(serve(tmp_path), accept="image/svg+xml", model="both")
    assert (reply.model, reply.version) == ("both", "1")
    assert reply.result is not None
    assert [it["sha256"] for it in reply.result["members"]] == [
        describe(repository_of(tmp_path), name)["sha256"] for name in ("things", "colours")
    ]
    assert first_labels(reply.result["boxes"][0]) == ["red"]


def repository_of(folder: Path) -> Repository:
    repository = Repository(folder, partial(open_engine, workers=1), default="colours")
    load_all(repository)
    return repository


def describe(repository: Repository, name: str) -> dict[str, Any]:
    page = methods.describe(repository.describe(name), default=False, max_pixels=LIMIT).model_dump()
    described: dict[str, Any] = json.loads(json.dumps(page))
    return described


def test_a_chain_says_what_it_joins(tmp_path: Path) -> None:
    repository = fill(tmp_path, {"both": f"{JOINED}@1, margin: 0.25"})
    load_all(repository)
    told = describe(repository, "both")
    assert (told["task"], told["state"], told["max_pixels"]) == ("detect", "AVAILABLE", LIMIT)
    assert told["chain"] == {
        "detect": "things",
        "classify": "colours@1",
        "limit": 32,
        "margin": 0.25,
    }
    assert [it["model"] for it in told["members"]] == ["things", "colours"]
    assert "warnings" not in told


def test_a_chain_is_another_content_if_a_member_is(tmp_path: Path) -> None:
    contents = []
    for number, names in enumerate((["a", "b", "c"], ["a", "b", "c"], ["a", "b", "d"])):
        (folder := tmp_path / str(number)).mkdir()
        fill(folder, {"both": JOINED})
        (folder / "colours.txt").write_text("\n".join(names))
        contents.append(describe(repository_of(folder), "both")["content"])
    assert contents[0] == contents[1] != contents[2]


def test_a_chain_is_chosen_by_its_name_only(tmp_path: Path) -> None:
    service = serve(tmp_path)
    assert ask(service, model="")["model"] == "things"
    with pytest.raises(
        WrongTask, match="got both, which detects, and classifies what it finds; ask detect"
    ):
        call(service, "classify", model="both")


def test_a_chain_has_no_tensors(tmp_path: Path) -> None:
    service = serve(tmp_path)
    for body, kind in ((PICTURE, "image/png"), (b'{"inputs": {}}', "application/json")):
        with pytest.raises(WrongTask, match="expected a model with tensors"):
            call(service, "models/<name>/predict", body, kind, name="both")


def test_other_protocols_do_not_offer_a_chain(tmp_path: Path) -> None:
    repository = fill(tmp_path, {"both": JOINED})
    load_all(repository)
    models = ProtocolModels(repository, max_pixels=LIMIT)
    assert [it.model for it in models.versions()] == ["colours", "things"]
    refused: Sequence[Callable[[], object]] = (
        lambda: models.versions("both"),
        lambda: models.load("both"),
        lambda: models.unload("both"),
        lambda: models.lease("both").__enter__(),
    )
    for attempt in refused:
        with pytest.raises(UnknownModel, match=r"expected a model with tensors.*ask detect"):
            attempt()
    assert repository.describe("both").state is State.AVAILABLE


def test_a_preview_is_what_the_detector_sees(tmp_path: Path) -> None:
    reply = call(serve(tmp_path), "preview", model="both")
    assert Image.open(io.BytesIO(reply.body)).size == (16, 16)


def test_pictures_of_a_job_are_answered_by_a_chain(tmp_path: Path) -> None:
    model = LocalModel(fill(tmp_path, {"both": JOINED}), "both", max_pixels=LIMIT)
    (row,) = model.answer(model.identify({"top_k": 1}), [PICTURE])
    assert isinstance(row, dict)
    assert [first_labels(box) for box in row["boxes"]] == [["red"]]


def test_what_shows_files_leaves_chains_out(tmp_path: Path) -> None:
    fill(tmp_path, {"both": JOINED})
    assert {it.model for it in show(tmp_path)} == {"colours", "things"}


# What a chain cannot join -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chains", "message"),
    [
        (
            {"a": "detect: a, classify: colours"},
            "chain.detect of a@1 must name a model that does not lead back to it, got a@1",
        ),
        (
            {"a": "detect: things, classify: a"},
            "chain.classify of a@1 must name a model that does not lead back to it, got a@1",
        ),
        (
            {"a": "detect: b, classify: colours", "b": "detect: a, classify: colours"},
            "chain.detect of a@1 -> b@1 must name a model that does not lead back to it, got a@1",
        ),
        (
            {"a": "detect: none, classify: colours"},
            "chain.detect of a@1 must name a model that is there, got none",
        ),
        (
            {"a": "detect: things@7, classify: colours"},
            "chain.detect of a@1 must name a model that is there, got things@7",
        ),
        (
            {"a": "detect: colours, classify: colours"},
            "chain.detect of a@1 must name a model that detects, got colours@1, which classifies",
        ),
        (
            {"a": "detect: things, classify: things"},
            "chain.classify of a@1 must name a model that classifies pictures, got things@1, which",
        ),
        (
            {"a": "detect: things, classify: b", "b": JOINED},
            "chain.classify of a@1 must name a model that classifies pictures, got b@1, which",
        ),
    ],
)
def test_a_chain_of_what_does_not_fit_is_refused_by_what_to_name(
    tmp_path: Path, chains: Mapping[str, str], message: str
) -> None:
    repository = fill(tmp_path, chains)
    service = load_all(repository)
    with pytest.raises(InvalidModel) as fault:
        ask(service, model="a")
    assert message in str(fault.value)
    assert STATUS[type(fault.value)].name == "FAILED_PRECONDITION"
    (warning,) = describe(repository, "a")["warnings"]
    assert warning == f"calls are refused: {fault.value}"
    for name in ("things", "colours"):
        assert repository.unload(name, "1").state is State.END, "nothing is leased any more"


def test_a_chain_of_chains_gives_each_box_several_answers(tmp_path: Path) -> None:
    add_namer(tmp_path, "farben", ("rot", "gruen", "blau"))
    repository = fill(
        tmp_path, {"both": f"{JOINED}, limit: 1", "all": "detect: both, classify: farben"}
    )
    said = ask(load_all(repository), model="all")
    (box,) = said["boxes"]
    assert first_labels(box) == ["red", "rot"]
    assert said["left_out"] == 1
    assert [it["model"] for it in said["members"]] == ["both", "things", "colours", "farben"]


def test_chains_of_chains_end_somewhere(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(DEEPEST + 1)]
    inner = ["things", *names]
    chains = {
        name: f"detect: {of}, classify: colours" for name, of in zip(names, inner, strict=False)
    }
    service = load_all(fill(tmp_path, chains))
    deepest = ask(service, model=names[DEEPEST - 1])
    assert first_labels(deepest["boxes"][0]) == ["red"] * DEEPEST
    with pytest.raises(InvalidModel, match=r"of c3@1 -> c2@1 -> c1@1 must name no chain"):
        ask(service, model=names[DEEPEST])


def test_a_later_version_may_join_an_earlier_one_of_its_name(tmp_path: Path) -> None:
    repository = fill(tmp_path, {}, policy=VersionPolicy(latest=0))
    for number, card in (("1", JOINED), ("2", "detect: both@1, classify: colours")):
        (tmp_path / "both" / number).mkdir(parents=True)
        (tmp_path / "both" / number / "card.yaml").write_text(f"chain: {{{card}}}")
    repository = Repository(
        tmp_path, partial(open_engine, workers=1), default="colours", policy=VersionPolicy(latest=0)
    )
    said = ask(load_all(repository))
    assert said["version"] == "2"
    assert first_labels(said["boxes"][0]) == ["red", "red"]


def test_a_member_is_named_by_its_label(tmp_path: Path) -> None:
    policy = VersionPolicy(labels={"colours": {"canary": "1"}})
    repository = fill(
        tmp_path, {"both": "detect: things@1, classify: colours@canary"}, policy=policy
    )
    assert first_labels(ask(load_all(repository))["boxes"][0]) == ["red"]


@pytest.mark.parametrize(
    ("chain", "field"),
    [
        ("{detect: a, classify: b, limit: 0}", "chain.limit"),
        ("{detect: a, classify: b, limit: -1}", "chain.limit"),
        (f"{{detect: a, classify: b, limit: {MOST_CROPS + 1}}}", "chain.limit"),
        ("{detect: a, classify: b, limit: 1.0e+30}", "chain.limit"),
        ("{detect: a, classify: b, margin: -0.1}", "chain.margin"),
        ("{detect: a, classify: b, margin: .nan}", "chain.margin"),
        ("{detect: a, classify: b, margin: .inf}", "chain.margin"),
        ("{detect: a, classify: b, threshold: 2}", "chain.threshold"),
        ("{detect: a, classify: b, depth: 2}", "chain.depth"),
        ("{detect: a, classify: [b]}", "chain.classify"),
        ("{detect: '', classify: b}", "chain.detect"),
        ("{detect: a}", "chain.classify"),
        ("{}", "chain.detect"),
        ("5", "chain"),
    ],
)
def test_a_card_with_a_mistake_names_it(tmp_path: Path, chain: str, field: str) -> None:
    (tmp_path / "a.yaml").write_text(f"task: chain\nchain: {chain}\n")
    repository = fill(tmp_path, {})
    servable = repository.load("a")
    assert servable.state is State.END
    assert field in servable.error


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("task: chain", "chain.detect: Field required"),
        (f"task: classify\nchain: {{{JOINED}}}", "say task: chain"),
        (f"chain: {{{JOINED}}}\nmodel: {{path: things.tflite}}", "take out model"),
        (f"chain: {{{JOINED}}}\nbatching: {{}}", "take out batching"),
        (f"chain: {{{JOINED}}}\nnormalization: {{mean: 1, std: 1}}", "take out normalization"),
    ],
)
def test_a_chain_has_a_card_of_its_own(tmp_path: Path, card: str, message: str) -> None:
    (tmp_path / "a.yaml").write_text(card)
    servable = fill(tmp_path, {}).load("a")
    assert servable.state is State.END
    assert message in servable.error


# Its members' lives ---------------------------------------------------------------------------


def test_a_member_that_is_not_loaded_is_named(tmp_path: Path) -> None:
    repository = fill(tmp_path, {"both": JOINED})
    service = load_all(repository)
    repository.unload("colours", "1")
    with pytest.raises(ModelFailed, match="model colours must be AVAILABLE"):
        ask(service)
    (warning,) = describe(repository, "both")["warnings"]
    assert "colours" in warning
    repository.load("both")
    assert ask(service)["count"] == 2, "who loads a chain loads what it joins"


def test_members_that_were_evicted_are_both_wished_for_by_a_call(tmp_path: Path) -> None:
    add_namer(tmp_path, "rival")
    repository = fill(tmp_path, {"both": JOINED})
    sizes = {it.model: it.size for it in show(tmp_path)}
    repository = Repository(
        tmp_path,
        partial(open_engine, workers=1),
        default="things",
        budget=sizes["things"] + sizes["colours"],
    )
    repository.load("both")
    assert repository.describe("both").state is State.AVAILABLE
    repository.load("rival")
    assert repository.describe("both").state is State.AVAILABLE, "there is nothing to gain"
    assert repository.evictions == 1
    with pytest.raises(ModelNotReady, match="model colours must be AVAILABLE"):
        ask(Service(repository, max_pixels=LIMIT))


def test_members_that_do_not_fit_together_are_refused_and_not_loaded_in_turn(
    tmp_path: Path,
) -> None:
    fill(tmp_path, {"both": JOINED, "all": "detect: both, classify: colours"})
    sizes = {it.model: it.size for it in show(tmp_path)}
    budget = sizes["things"] + sizes["colours"] - 1
    repository = Repository(
        tmp_path, partial(open_engine, workers=1), default="things", budget=budget
    )
    service = Service(repository, max_pixels=LIMIT)
    says = (
        rf"what the chain both joins must be loaded together within MODEL_BUDGET, {budget} bytes,"
        rf" got {budget + 1} bytes \(things@1 has {sizes['things']}, colours@1 has"
        rf" {sizes['colours']}\); raise MODEL_BUDGET, or join smaller models"
    )
    with pytest.raises(InvalidModel, match=says):
        repository.load("both")
    evictions = repository.evictions
    for _ in range(2):
        with pytest.raises(InvalidModel, match=says):
            ask(service)
        with pytest.raises(InvalidModel, match=says):
            repository.load("both")
    with pytest.raises(InvalidModel, match="what the chain all joins"):
        repository.load("all")
    assert repository.evictions == evictions == 1
    (warning,) = describe(repository, "both")["warnings"]
    assert warning.startswith("calls are refused: what the chain both joins")
    repository.load("things")
    # Each of them answers alone.
    assert ask(service, model="things")["count"] == 2


def test_what_a_chain_asks_stays_loaded_until_it_has_answered(tmp_path: Path) -> None:
    began, go_on = threading.Event(), threading.Event()

    def wait(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        began.set()
        assert go_on.wait(30)
        return one_by_one(work, items)

    repository = fill(tmp_path, {"both": JOINED}, spread=wait)
    service = load_all(repository)
    answers: list[Any] = []
    call_of_chain = threading.Thread(target=lambda: answers.append(ask(service)))
    call_of_chain.start()
    assert began.wait(30)
    names = ("colours", "things", "both")
    unloads = [threading.Thread(target=repository.unload, args=(name, "1")) for name in names]
    for unload in unloads:
        unload.start()
    changed = repository._versions.changed  # noqa: SLF001 - to wait for a state
    with changed:
        assert changed.wait_for(lambda: states(repository, names) == {State.UNLOADING}, 30)
    go_on.set()
    for thread in (call_of_chain, *unloads):
        thread.join(30)
        assert not thread.is_alive()
    assert [first_labels(box) for box in answers[0]["boxes"]] == [["red"], ["blue"]]
    assert states(repository, names) == {State.END}


def states(repository: Repository, names: Sequence[str]) -> set[State]:
    return {repository.describe(name).state for name in names}


class _Dying:
    """A model that LiteRT runs until it is told to die."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.dying = False
        ((name, self._signature),) = engine.signatures.items()
        self.signatures = {name: self}

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return self._signature.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self._signature.outputs

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self.dying:
            raise EngineGone("the engine must live", got="its end", remedy="send it again")
        return self._signature.run(tensors)

    def close(self) -> None:
        self._engine.close()


def test_only_the_member_that_has_died_is_loaded_again(tmp_path: Path) -> None:
    engines: list[_Dying] = []

    def open_dying(*args: Any) -> Engine:  # noqa: ANN401 - as open_engine has them
        engines.append(_Dying(open_engine(*args, workers=1)))
        return engines[-1]

    fill(tmp_path, {"both": JOINED})
    repository = Repository(tmp_path, open_dying, default="colours")
    repository.load("colours")
    service = load_all(repository)
    engines[0].dying = True
    with pytest.raises(EngineGone):
        ask(service)
    repository.load("both")
    assert ask(service)["count"] == 2
    loads = {name: it.succeeded for (name, _), it in repository.loads.items()}
    assert loads == {"things": 1, "colours": 2, "both": 1}


def test_a_box_that_has_not_begun_when_nobody_waits_never_begins(tmp_path: Path) -> None:
    began = []

    def work(ask_about: Callable[[Any], Any], boxes: Sequence[Any]) -> list[Any]:
        def begin(box: Any) -> Any:  # noqa: ANN401 - a box
            began.append(box)
            return ask_about(box)

        return spread(begin, boxes)

    def check() -> None:
        if began:
            raise CallerGone("the caller went away while the request was at work")

    def share(parts: Parts[Any, Any], alone: bool) -> None:  # noqa: FBT001, ARG001 - as `spread` calls it
        while parts.do(check):
            pass

    service = load_all(fill(tmp_path, {"both": JOINED}, spread=work))

    def call_with_sharing() -> None:
        begin_sharing(share)
        ask(service)

    with pytest.raises(CallerGone):
        contextvars.copy_context().run(call_with_sharing)
    assert len(began) == 1


def test_a_chain_is_leased_as_a_model_of_its_task(tmp_path: Path) -> None:
    repository = fill(tmp_path, {"both": JOINED})
    repository.load("both")
    options = ModelOptions(model="both")
    with methods.lease_lens(repository, Task.DETECT, options) as (loaded, lens):
        assert (loaded.answerer.model, lens.method) == ("both", "detect")


def test_a_card_that_changes_is_read_anew(tmp_path: Path) -> None:
    repository = fill(tmp_path, {"both": JOINED})
    service = load_all(repository)
    scanner = Scanner(tmp_path)
    (tmp_path / "both/1/card.yaml").write_text(f"chain: {{{JOINED}, limit: 1}}")
    scanner.scan()
    repository.refresh(scanner.scan())
    assert ask(service)["count"] == 2, "the old one answers until the new one does"
    repository.load("both")
    assert ask(service)["count"] == 1


def test_a_chain_is_no_default_where_there_is_another_model(tmp_path: Path) -> None:
    repository = fill(tmp_path, {"a": JOINED}, default="")
    assert repository.default == "colours"
