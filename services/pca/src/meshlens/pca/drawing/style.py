"""The options for a picture's appearance; every one has a default."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeAlias, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainValidator,
    model_validator,
)

from meshlens.pca.errors import InvalidOption

KindName: TypeAlias = Literal[
    "scores", "biplot", "loadings", "contributions", "cos2", "loading_bars", "pairs", "scree"
]
EllipseKind: TypeAlias = Literal["none", "normal", "t", "confidence"]
Theme: TypeAlias = Literal["auto", "light", "dark"]
Aspect: TypeAlias = Literal["equal", "free"]
# The rules for which observations to label; a number labels that many of the outermost.
LabelWord: TypeAlias = Literal["auto", "outliers", "all", "none"]
LabelRule: TypeAlias = LabelWord | int

_LABEL_WORDS: tuple[LabelWord, ...] = get_args(LabelWord)
_LABEL_RULE = rf"^({'|'.join(_LABEL_WORDS)}|\d{{1,9}})$"


def _parse_components(value: object) -> object:
    """Return the numbers of components; only text is parsed."""
    if value is None or isinstance(value, tuple):
        return value
    parts = str(value).split(",")
    if len(parts) > 1 and len(str(value)) < 60 and all(part.strip().isdecimal() for part in parts):  # noqa: PLR2004 - beyond, int() may refuse
        return tuple(map(int, parts))
    raise ValueError("it must be two numbers of components, such as 1,3; more with kind=pairs")


def _parse_label_rule(text: object) -> LabelRule:
    """Return which observations are labelled, or how many."""
    words: Mapping[object, LabelRule] = {name: name for name in _LABEL_WORDS}
    if text in words:
        return words[text]
    if str(text).isdecimal() and len(str(text)) < 10:  # noqa: PLR2004 - beyond, int() may refuse
        return int(str(text))
    raise ValueError(f"it must be one of {', '.join(_LABEL_WORDS)}, or a number")


def needs(option: str) -> dict[str, JsonValue]:
    """Return what the schema of an option says if it means something only beside another."""
    return {"x-needs": option}


class Style(BaseModel):
    """Choices about a picture, as callers write them in a query and on the command line.

    Which of them goes with which kind of picture is said by the kinds and their layers.

    Raises:
        InvalidOption: a level without an ellipse.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: KindName = Field(
        default="scores",
        description="what is drawn: scores, biplot, loadings, scree, pairs of components, or bars:"
        " contributions, cos2 or loading_bars",
    )
    components: Annotated[tuple[int, ...] | None, BeforeValidator(_parse_components)] = Field(
        default=None,
        description="the two to draw, such as 1,3; with kind=pairs up to 6; not with kind=scree",
    )
    alpha: float = Field(
        default=1.0, ge=0, le=1, description="of kind=biplot: the part of the variance in arrows"
    )
    ellipse: EllipseKind = Field(
        default="none", description="around each group: normal, t or confidence (of the mean)"
    )
    level: float = Field(
        default=0.95, gt=0, lt=1, description="of the ellipse", json_schema_extra=needs("ellipse")
    )
    label: Annotated[
        LabelRule,
        PlainValidator(
            _parse_label_rule,
            json_schema_input_type=Annotated[str, Field(pattern=_LABEL_RULE)],
        ),
    ] = Field(default="auto", description="observations to label: outliers, all, none or how many")
    arrows: int = Field(default=12, ge=0, le=100, description="the most variables to draw as such")
    color: str = Field(
        default="",
        max_length=1000,
        description="of the marks: cos2 or contributions; or a column of numbers",
    )
    shape: str = Field(
        default="", max_length=1000, description="of the marks: a column of up to 7 labels"
    )
    theme: Theme = Field(default="auto", description="auto, light or dark")
    aspect: Aspect = Field(
        default="equal", description="equal: one unit is as long on either axis; or free"
    )
    title: str = Field(default="", max_length=200, description="stands above the picture")
    width: int = Field(default=640, ge=320, le=4000, description="pixels")
    height: int = Field(default=480, ge=320, le=4000, description="pixels")

    @model_validator(mode="after")
    def _refuse_level_alone(self) -> Self:
        if "level" in self.model_fields_set and self.ellipse == "none":
            raise InvalidOption(
                "level goes with an ellipse",
                got=f"level={self.level:g} alone",
                remedy="say ellipse=normal, t or confidence, or leave level out",
                option="level",
            )
        return self
