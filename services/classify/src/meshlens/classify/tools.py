"""The methods that agents call as tools, by the method `mcp`."""

from collections.abc import Sequence

from meshlens.classify import reference
from meshlens.classify.answers import ChainDetection, Classification, Detection, Models
from meshlens.classify.formats.card import Task
from meshlens.classify.requests.bodies import encode_json
from meshlens.classify.tasks.lens import JSON
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.mcp.tools import BodyArgument, Tool
from meshlens.daprkit.sidecar.addresses import SCHEME
from meshlens.daprkit.sidecar.referenced import URI_LIST

_IMAGE = BodyArgument(
    "image",
    "the picture in base64, or as a data URL with base64; or dapr://binding/<binding>/<key>, where"
    " it is",
    lambda text: (
        (URI_LIST, text.encode())
        if text.startswith(SCHEME)
        else (JSON, encode_json({"image": text}))
    ),
)

TOOLS: Sequence[Tool] = (
    Tool(
        name="classify",
        title="Say what a picture shows",
        description="Answers labels with scores, the most probable first, and a sentence.",
        path="classify",
        operation=reference.ANSWER[Task.CLASSIFY],
        body=_IMAGE,
        output=Classification,
    ),
    Tool(
        name="detect",
        title="Find things in a picture",
        description="Answers a box, a label and a score for each; a chain also what it shows.",
        path="detect",
        operation=reference.ANSWER[Task.DETECT],
        body=_IMAGE,
        output=Detection | ChainDetection,
    ),
    Tool(
        name="list_models",
        title="List the models",
        description="A version that is AVAILABLE answers; task says which tool takes it.",
        path="models",
        operation=reference.MODELS,
        lane=Lane.LIGHT,
        output=Models,
    ),
)
