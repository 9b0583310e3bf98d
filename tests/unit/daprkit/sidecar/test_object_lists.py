import pytest

from meshlens.daprkit.sidecar.object_lists import (
    AZURE,
    GOOGLE,
    S3,
    Listed,
    Page,
    read_page,
    read_paths,
)


def test_a_page_of_s3_says_after_which_name_the_next_one_begins() -> None:
    answer = b"""{"Contents": [
        {"Key": "a/", "Size": 0, "ETag": "\\"d4\\""},
        {"Key": "a/1.jpg", "Size": 7, "ETag": "\\"e5-2\\"", "StorageClass": "STANDARD"}
    ], "IsTruncated": true, "NextMarker": null, "ResultMetadata": {}}"""
    assert read_page(S3, answer) == Page([Listed("a/1.jpg", 7, "e5-2")], "a/1.jpg")
    assert read_page(S3, b'{"Contents": null, "IsTruncated": null}') == Page([])


def test_a_mark_is_the_digest_of_the_content_or_a_tag() -> None:
    azure = b"""[{"Name": "a", "Properties": {"ContentLength": 1, "ETag": "0x8D", "ContentMD5":
        "AQI="}}, {"Name": "b", "Properties": {"ContentLength": 2, "ETag": "0x8E"}}]"""
    google = b"""[{"Name": "a", "Size": 1, "MD5": "AQI=", "Generation": 17},
        {"Name": "b", "Size": 2, "MD5": null, "Generation": 18}]"""
    assert read_page(AZURE, azure).objects == [Listed("a", 1, "0102"), Listed("b", 2, "0x8E")]
    assert read_page(GOOGLE, google).objects == [Listed("a", 1, "0102"), Listed("b", 2, "18")]
    assert read_page(GOOGLE, b"null") == Page([])


@pytest.mark.parametrize("kind", [S3, AZURE, GOOGLE])
@pytest.mark.parametrize(
    "answer", [b"", b"no JSON", b"{}", b'[{"Name": 1}]', b'{"IsTruncated": true, "Contents": []}']
)
def test_an_answer_of_another_form_is_refused(kind: str, answer: bytes) -> None:
    with pytest.raises(ValueError, match=f"no list of {kind}"):
        read_page(kind, answer)


def test_paths_of_local_files_are_sorted() -> None:
    assert read_paths(b'["/srv/b", "/srv/a"]') == ["/srv/a", "/srv/b"]
    assert read_paths(b"null") == []


@pytest.mark.parametrize("answer", [b"{}", b'{"a": 1}', b"[1]"])
def test_what_is_no_list_of_paths_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"no list of bindings\.localstorage"):
        read_paths(answer)
