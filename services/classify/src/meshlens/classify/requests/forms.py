"""Forms of pictures: files, base64 in fields, options in fields, and fields of somebody else."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from meshlens.classify.errors import InvalidBody, InvalidOption
from meshlens.classify.requests.bodies import decode_base64
from meshlens.daprkit.messages import Request
from meshlens.faults import Place

MULTIPART = "multipart/form-data"

# The fields that hold a picture in base64, by the names that JSON bodies use.
_PICTURE_FIELDS = frozenset({"image", "images"})
_DATA_URL = "data:image/"
# Tokens and comments are shorter; what is longer is meant as a picture.
_LONGEST_IGNORED = 4096

Picture: TypeAlias = tuple[str, Callable[[], bytes]]


@dataclass(frozen=True, slots=True)
class PictureForm:
    """A form as read.

    Attributes:
        pictures: name of the file, and what returns its bytes; files first, then fields.
        options: those of the query, and those of fields.
        ignored: names of fields that mean nothing here.
    """

    pictures: tuple[Picture, ...]
    options: Mapping[str, str]
    ignored: tuple[str, ...] = ()


def read_form(request: Request, options: Collection[str], *, most: int) -> PictureForm:
    """Return what a form of pictures says.

    A field that is called like an option is that option, unless it is empty, as an input in which
    nothing was typed is. A field called `image` or `images`, or with a data URL of an image, is a
    picture in base64. Short fields of other names are ignored, and their names returned.

    Args:
        request: of type multipart/form-data.
        options: names of the method's options.
        most: the maximum number of pictures.

    Raises:
        InvalidRequest: it is no form, or has too many files.
        InvalidBody: it has no picture, too many, or a long text in a field of another name.
        InvalidOption: an option has two values.
    """
    form = request.form(most)
    pictures: list[Picture] = [(file.name, lambda body=file.body: body) for file in form.files]  # type: ignore[misc] # mypy cannot infer a lambda with a default
    chosen, ignored = dict(request.query), dict[str, None]()
    for name, text in form.fields:
        if name in options:
            _choose(chosen, name, text.strip())
        elif name in _PICTURE_FIELDS or text.startswith(_DATA_URL):
            pictures.append(("", partial(decode_base64, text)))
        elif len(text) > _LONGEST_IGNORED:
            raise InvalidBody(
                "a picture in a form must be a file, or base64 in a field called image",
                got=f"{len(text)} characters in the field {name!r}",
                remedy=f"send it as curl -F {name}=@FILE does, or call the field image",
                places=[Place(field=name)],
            )
        else:
            ignored[name] = None
    if not 1 <= len(pictures) <= most:
        others = f", and the fields {', '.join(ignored)}" if ignored else ""
        raise InvalidBody(
            f"a form must have at least one file and at most {most}",
            got=f"{len(pictures) or 'none'}{others}",
            remedy="send each picture as a file, as curl -F image=@FILE does",
        )
    return PictureForm(tuple(pictures), chosen, tuple(ignored))


def _choose(chosen: dict[str, str], name: str, value: str) -> None:
    if value and chosen.setdefault(name, value) != value:
        raise InvalidOption(
            f"option {name} may be given once",
            got=f"{chosen[name]!r} and {value!r}",
            remedy="keep one, in the query or in the form",
            option=name,
        )
