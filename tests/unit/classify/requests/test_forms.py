"""What a form of pictures says: files, base64, options, and the fields of somebody else."""

import base64

import pytest

from meshlens.classify.errors import InvalidBody, InvalidOption
from meshlens.classify.requests.forms import PictureForm, read_form
from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.messages import Request

OPTIONS = ("model", "top_k")
PICTURE = bytes(range(256)) * 40
BASE64 = base64.b64encode(PICTURE).decode()


def file(name: str, file_name: str, content: bytes, media_type: str = "image/png") -> bytes:
    disposition = f'form-data; name="{name}"; filename="{file_name}"'
    return part(disposition, content, f"Content-Type: {media_type}\r\n")


def text(name: str, value: str) -> bytes:
    return part(f'form-data; name="{name}"', value.encode())


def part(disposition: str, content: bytes, further: str = "") -> bytes:
    head = f"--b\r\nContent-Disposition: {disposition}\r\n{further}\r\n"
    return head.encode() + content + b"\r\n"


def read(*parts: bytes, most: int = 3, **query: str) -> PictureForm:
    body = b"".join(parts) + b"--b--\r\n"
    request = Request("m", "POST", query, "multipart/form-data", body, {}, boundary="b")
    return read_form(request, OPTIONS, most=most)


def contents(form: PictureForm) -> list[tuple[str, bytes]]:
    return [(name, content()) for name, content in form.pictures]


def test_a_field_that_is_called_like_an_option_is_the_option() -> None:
    form = read(text("top_k", " 3\r\n"), file("a", "1.png", PICTURE), model="m")
    assert form.options == {"model": "m", "top_k": "3"}
    assert contents(form) == [("1.png", PICTURE)]
    assert form.ignored == ()


def test_an_empty_input_of_an_option_leaves_the_choice_open() -> None:
    assert read(text("top_k", ""), file("a", "1.png", PICTURE)).options == {}


def test_an_option_with_two_values_is_refused_and_the_same_twice_is_not() -> None:
    picture = file("a", "1.png", PICTURE)
    assert read(text("top_k", "3"), picture, top_k="3").options == {"top_k": "3"}
    with pytest.raises(InvalidOption, match="top_k may be given once, got '4' and '3'") as refused:
        read(text("top_k", "3"), picture, top_k="4")
    assert refused.value.option == "top_k"


def test_a_short_field_of_another_name_is_ignored_by_name() -> None:
    token = text("csrf_token", "a" * 64)
    assert read(token, file("a", "1.png", PICTURE), token).ignored == ("csrf_token",)


def test_the_empty_input_of_a_browser_is_no_picture() -> None:
    empty = file("second", "", b"", "application/octet-stream")
    assert contents(read(file("a", "1.png", PICTURE), empty)) == [("1.png", PICTURE)]


def test_an_empty_file_with_a_name_is_a_picture_that_will_fail() -> None:
    assert contents(read(file("a", "1.png", b""))) == [("1.png", b"")]


@pytest.mark.parametrize(
    ("name", "value"),
    [("image", BASE64), ("images", BASE64), ("photo", f"data:image/png;base64,{BASE64}")],
)
def test_base64_in_a_field_is_a_picture_by_name_or_by_its_data_url(name: str, value: str) -> None:
    assert contents(read(text(name, value))) == [("", PICTURE)]


def test_a_long_text_in_a_field_of_another_name_is_refused_by_name() -> None:
    with pytest.raises(InvalidBody, match=r"characters in the field 'photo'; .*-F photo=@FILE"):
        read(text("photo", BASE64))


def test_bytes_without_a_file_name_are_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match=r"the field 'photo' .* -F photo=@FILE"):
        read(part('form-data; name="photo"', PICTURE))


def test_bytes_without_a_file_name_but_with_a_type_are_a_file() -> None:
    typed = part('form-data; name="a"', PICTURE, "Content-Type: image/jpeg\r\n")
    assert contents(read(typed)) == [("", PICTURE)]


def test_files_and_base64_count_together() -> None:
    pictures = [file("a", "1.png", PICTURE), text("image", BASE64)]
    assert len(read(*pictures, most=2).pictures) == 2
    with pytest.raises(InvalidBody, match="at most 2, got 3"):
        read(*pictures, text("image", BASE64), most=2)
