"""Jobs read tables of the web, from where JOB_INPUTS allows."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from range_site import Answer, Asked, RangeSite, serving_ranges

from meshlens.batch.errors import PartFailed
from meshlens.batch.loop import run
from meshlens.batch.objects import FolderObjects
from meshlens.batch.steps import Steps
from meshlens.jobs.errors import InputNotAllowed, InvalidJob
from meshlens.jobs.tables import Tables
from meshlens.pca.batch.threads import one_thread
from meshlens.pca.errors import InvalidTable

VALUES = np.random.default_rng(5).normal((1.0, 2.0, 3.0), size=(600, 3))


def npy(values: np.ndarray) -> bytes:
    with io.BytesIO() as file:
        np.save(file, values)
        return file.getvalue()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[RangeSite]:
    pieces = np.split(VALUES, 3)
    files = {f"/tables/{number}.npy": npy(piece) for number, piece in enumerate(pieces)}
    with serving_ranges({**files, "/private/a.npy": npy(VALUES)}) as site:
        monkeypatch.setenv("JOB_INPUTS", f"/srv,{site.address('/tables')}")
        monkeypatch.setenv("PRIVATE_ORIGINS", "true")
        yield site


def addresses(site: RangeSite) -> list[str]:
    return [site.address(f"/tables/{number}.npy") for number in range(3)]


def test_a_fit_has_the_bytes_of_that_of_a_folder(
    site: RangeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for name, data in site.files.items():
        if name.startswith("/tables/"):
            (folder / name.removeprefix("/tables/")).write_bytes(data)
    of_web, of_folder = FolderObjects(tmp_path / "one"), FolderObjects(tmp_path / "other")
    options = {"k": 2, "standardize": True, "scores": True}
    job = Tables()
    with one_thread():
        run(job, job.identify({"files": addresses(site), **options}), of_web)
        monkeypatch.setenv("JOB_INPUTS", str(tmp_path))
        local = Tables()
        run(local, local.identify({"files": str(folder), **options}), of_folder)
    remote, expected = (
        [objects.get(name) for name in ("model.json", "read.json", *objects.names("scores/"))]
        for objects in (of_web, of_folder)
    )
    assert len(remote) == 5
    assert remote == expected


@pytest.mark.parametrize("path", ["/private/a.npy", "/tables-too/a.npy", "/a.npy"])
def test_what_is_not_below_an_address_of_job_inputs_is_not_asked_for(
    site: RangeSite, path: str
) -> None:
    with pytest.raises(InputNotAllowed, match="JOB_INPUTS") as refused:
        Tables().identify({"files": [addresses(site)[0], site.address(path)]})
    assert refused.value.option == "files"
    assert site.asked == []


def test_nothing_of_the_web_is_asked_for_unless_it_is_named(
    site: RangeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for inputs in ("", "*", "/srv,dapr://binding/shelf"):
        monkeypatch.setenv("JOB_INPUTS", inputs)
        with pytest.raises(InputNotAllowed, match="JOB_INPUTS"):
            Tables().identify({"files": addresses(site)})
    assert site.asked == []


def test_this_host_is_not_called_unless_that_is_allowed(
    site: RangeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRIVATE_ORIGINS", "false")
    with pytest.raises(InvalidTable, match="PRIVATE_ORIGINS=true"):
        Tables().identify({"files": addresses(site)})
    assert site.asked == []


def redirect_out(asked: Asked, answer: Answer) -> Answer:
    if asked.path.startswith("/tables/"):
        return Answer(302, {"Location": "/private/a.npy"}, b"")
    return answer


def test_no_redirect_leads_out_of_job_inputs(site: RangeSite, tmp_path: Path) -> None:
    job = Tables()
    steps = Steps(job, FolderObjects(tmp_path))
    stage = steps.plan(job.identify({"files": addresses(site)}))
    site.bend = redirect_out
    with pytest.raises(InvalidTable, match="must not redirect out of JOB_INPUTS"):
        job.identify({"files": addresses(site)})
    with pytest.raises(PartFailed, match="must not redirect out of JOB_INPUTS") as failed:
        steps.part(stage, 1, lambda: None)
    assert failed.value.places[0].file == "1.npy"
    assert not any(asked.path.startswith("/private/") for asked in site.asked)


def test_without_ranges_a_file_is_read_whole_as_far_as_max_body_goes(
    site: RangeSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site.ranges = False
    job = Tables()
    identity = job.identify({"files": addresses(site)})
    assert run(job, identity, FolderObjects(tmp_path)).summary["n"] == len(VALUES)
    monkeypatch.setenv("MAX_BODY", "2000")
    with pytest.raises(InvalidTable, match="more than the 2000 bytes that are read whole"):
        Tables().identify({"files": addresses(site)})


@pytest.mark.parametrize(
    "address",
    [
        "https://me:swordfish@host/tables/a.npy",
        "https://host/tables/a.npy?sig=swordfish",
        "https://host/tables/",
        "https://host/tables/*.npy",
        "https://host/tables/../a.npy",
    ],
)
def test_an_address_is_that_of_one_file_without_credentials(site: RangeSite, address: str) -> None:
    with pytest.raises(InvalidJob, match="an address of the web must be") as refused:
        Tables().identify({"files": address})
    assert refused.value.option == "files"
    assert "swordfish" not in str(refused.value)
    assert site.asked == []
