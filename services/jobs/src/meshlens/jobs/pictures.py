"""The kind of job that answers every picture of a place, by the service classify in the mesh."""

import base64
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.batch.job import Fields
from meshlens.classify.batch.answering import ModelIdentity, Refusal
from meshlens.classify.batch.errors import UnreadablePicture
from meshlens.classify.batch.job import MAX_BYTES, PictureJob
from meshlens.classify.batch.places.folder import FolderPictures
from meshlens.classify.batch.places.pictures import Picture
from meshlens.classify.batch.places.pictures import Pictures as AnyPictures
from meshlens.classify.batch.results.formats import Format
from meshlens.daprkit.client import AppUnavailable, CallError, CallRejected, CallTimedOut, Client
from meshlens.daprkit.settings import MIB
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.jobs.addresses import Address, is_address
from meshlens.jobs.bindings.bucket import Bucket
from meshlens.jobs.bindings.pictures import BindingPictures
from meshlens.jobs.errors import EngineUnavailable, InvalidJob
from meshlens.jobs.inputs import Inputs
from meshlens.jobs.settings import Settings

# As many as classify takes at a time, and as large as leaves room for base64 below its MAX_BODY.
_MOST = 32
_MOST_BYTES = 8 * MIB
_CALL_SECONDS = 60.0
# For classify to come back: longer than it is updated, or loads its models.
_PATIENCE_SECONDS = 120.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_TASKS = frozenset({"classify", "detect"})


class PictureOptions(BaseModel):
    """What callers may choose; those of the model's task are checked by classify."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str = Field(
        description="an absolute path, which all replicas of jobs see, or that of a binding,"
        " dapr://binding/<binding>/<folder>"
    )
    glob: tuple[str, ...] = Field(default=(), description="patterns of names")
    model: str = Field(default="", description="its name; name@version for one of its versions")
    top_k: int | None = Field(default=None, description="labels of each picture")
    threshold: float | None = Field(default=None, description="least score of a detection")
    format: Format = Field(default=Format.JSONL, description="of the files of answers")
    max_bytes: int = Field(default=MAX_BYTES, gt=0, le=MAX_BYTES, description="of a picture")

    @field_validator("folder")
    @classmethod
    def _is_absolute(cls, folder: str) -> str:
        if not (is_address(folder) or Path(folder).is_absolute()) or "\0" in folder:
            raise ValueError("it must be an absolute path, or an address of a binding")
        return folder

    @field_validator("glob", mode="before")
    @classmethod
    def _is_list(cls, glob: object) -> object:
        return (glob,) if isinstance(glob, str) else glob


class AllowedPictures(FolderPictures):
    """The files of a folder that are, links resolved, where jobs may read.

    Args:
        inputs: where that is.
        folder: where the pictures are.
        patterns: of their names.
    """

    def __init__(self, inputs: Inputs, folder: Path, patterns: Sequence[str]) -> None:
        super().__init__(folder, patterns)
        self._inputs = inputs
        self._place = folder

    def read(self, picture: Picture) -> bytes:
        """Return the bytes of a picture.

        Raises:
            UnreadablePicture: it is a link to somewhere else, or cannot be read.
        """
        if not self._inputs.allow(self._place / picture.name):
            raise UnreadablePicture(
                "a picture must be in a folder of JOB_INPUTS",
                got="a link that leads elsewhere",
                remedy="put the picture itself there",
            )
        return super().read(picture)


class Pictures(PictureJob):
    """Answers the pictures of a folder that all replicas of jobs see, or of a binding."""

    def __init__(self) -> None:
        self._settings = Settings()
        self._inputs = Inputs.of(self._settings.job_inputs)
        self._sidecar = Sidecar(self._settings)
        super().__init__(self._open, ServiceModel(self._settings))

    def _open(self, identity: Fields) -> AnyPictures:
        folder, patterns = identity["folder"], identity["patterns"]
        if is_address(folder):
            address = Address.of(folder, "folder")
            self._inputs.check_address(address, "folder")
            bucket = Bucket(self._sidecar, self._settings, address.binding)
            return BindingPictures(bucket, address, patterns)
        self._inputs.check(folder, "folder")
        return AllowedPictures(self._inputs, Path(folder), patterns)

    def identify(self, options: Fields) -> Fields:
        """Return the options in full, the model, and what the listing comes to now."""
        try:
            chosen = PictureOptions.model_validate(options)
        except ValidationError as error:
            mistake = error.errors(include_url=False)[0]
            name = str(mistake["loc"][0])
            raise InvalidJob(
                f"options of pictures must be {', '.join(PictureOptions.model_fields)}",
                got=f"{name}: {mistake['msg'].removeprefix('Value error, ')}",
                remedy="correct it or leave it out",
                option=name,
            ) from None
        place = self._open({"folder": chosen.folder, "patterns": chosen.glob})
        names = ("model", "top_k", "threshold")
        given = {name: it for name in names if (it := getattr(chosen, name)) not in {None, ""}}
        return super().identify(
            {
                "place": place.identify(),
                "options": given,
                "format": chosen.format,
                "max_bytes": chosen.max_bytes,
            }
        )


class ServiceModel:
    """A version of a model that classify serves.

    Args:
        settings: name the sidecar.
        app: the name of classify in the mesh.
        pause: waits for so many seconds.
    """

    most = _MOST
    most_bytes = _MOST_BYTES

    def __init__(
        self, settings: Settings, app: str = "classify", pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._app = app
        self._pause = pause
        token = settings.dapr_api_token.get_secret_value()
        self._client = Client(f"127.0.0.1:{settings.dapr_grpc_port}", api_token=token)

    def identify(self, options: Fields) -> Fields:
        """Return the version, its digests, its task and the options in full.

        Raises:
            InvalidJob: there is no such model, it takes no pictures, or an option is refused.
            InvalidOption: its task has no such option.
            EngineUnavailable: classify does not answer.
        """
        name = str(options.get("model", ""))
        others = {key: value for key, value in options.items() if key != "model"}
        try:
            model = self._find(name)
            if model["task"] not in _TASKS:
                raise InvalidJob(
                    "a model must classify pictures or detect",
                    got=f"{model['model']}, which is {model['state']} for {model['task']}",
                    remedy="name another model, or load it first",
                    option="model",
                )
            identity = ModelIdentity.of(model, others).to_fields()
            self._try_options(identity)
        except CallRejected as error:
            raise InvalidJob(
                "classify must take the model and the options",
                got=error.message,
                remedy="correct them",
                option=error.details.option or "model",
            ) from error
        except CallError as error:
            raise EngineUnavailable(
                f"{self._app} must answer", got=str(error), remedy="start it, and try again"
            ) from error
        return identity

    def answer(self, model: Fields, pictures: Sequence[bytes]) -> Sequence[Fields | Refusal]:
        """Return the fields of the answer to each picture, or why it has none."""
        body = json.dumps({"images": [base64.b64encode(one).decode() for one in pictures]})
        deadline = time.monotonic() + _PATIENCE_SECONDS
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._answer(model, body.encode())
            except CallRejected as error:
                if len(pictures) == 1:
                    return [Refusal(error.details.reason or error.code, error.message)]
                raise self._give_up(error) from error
            except (AppUnavailable, CallTimedOut) as error:
                wait = error.retry_after or pause
                if time.monotonic() + wait > deadline:
                    raise self._give_up(error) from error
                self._pause(wait)
                pause = min(2 * pause, _LONGEST_PAUSE)
            except CallError as error:
                raise self._give_up(error) from error

    def _answer(self, model: Fields, body: bytes) -> Sequence[Fields | Refusal]:
        reply = self._client.invoke(
            self._app,
            model["task"],
            body,
            content_type="application/json",
            query={"model": f"{model['model']}@{model['version']}", **_as_query(model["options"])},
            timeout=_CALL_SECONDS,
        )
        answer: dict[str, Any] = json.loads(reply.body)
        if answer["version"] != model["version"]:
            raise InputChanged(
                f"model {model['model']} must stay at version {model['version']}",
                got=str(answer["version"]),
                remedy="start the job again",
            )
        return [
            Refusal(one["error"]["reason"], one["error"]["message"]) if "error" in one else one
            for one in answer["answers"]
        ]

    def _find(self, name: str) -> dict[str, Any]:
        """Return a version that is loaded, by what the model's page and the list say."""
        name, _, version = name.partition("@")
        if not name:
            listed = self._look("models")["models"]
            name = next((one["model"] for one in listed if one["default"]), "")
        path = f"models/{name}/versions/{version}" if version else f"models/{name}"
        document = self._look(path) if name else {}
        if "content" not in document:
            raise InvalidJob(
                "a model must be loaded",
                got=f"{name or 'no default model'}: {document.get('state', '')}",
                remedy="name a model that is, by the option model",
                option="model",
            )
        return document

    def _look(self, path: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(
            self._client.invoke(self._app, path, timeout=_CALL_SECONDS).body
        )
        return document

    def _try_options(self, model: Fields) -> None:
        """Let classify refuse a wrong option before a job begins: of a request without a picture.

        Raises:
            CallRejected: an option is refused.
        """
        try:
            self._answer(model, json.dumps({"images": [""]}).encode())
        except CallRejected as error:
            if error.details.option:
                raise

    def _give_up(self, error: CallError) -> PartFailed:
        return PartFailed(
            f"{self._app} must answer",
            got=error.message or error.code,
            remedy="look into its log, and start the job again: what is done is kept",
        )


def _as_query(options: Fields) -> dict[str, str]:
    return {name: str(value) for name, value in options.items() if value is not None}
