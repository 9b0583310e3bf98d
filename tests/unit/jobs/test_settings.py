import pytest

from meshlens.jobs.settings import Settings


@pytest.mark.parametrize(
    ("workers", "processes", "parts"), [(8, 2, 4), (3, 2, 2), (1, 2, 1), (4, 1, 4)]
)
def test_all_processes_together_fill_the_cores(workers: int, processes: int, parts: int) -> None:
    assert Settings(workers=workers, job_processes=processes).activities == parts


@pytest.mark.parametrize("kinds", ["a=b", "a=b:", "=b:C", "a=b:C;d=e:F"])
def test_a_list_of_kinds_has_names_and_places(kinds: str) -> None:
    with pytest.raises(ValueError, match="job_kinds"):
        Settings(job_kinds=kinds)


@pytest.mark.parametrize(
    "inputs",
    [
        *("photos", "/a,b", "dapr://photos", "dapr://state/a", "/a;/b,c"),
        *(
            "https://",
            "ftp://a/b",
            "https://a:b@c/d",
            "https://a/b?c",
            "http://a:99999",
            "http://[a/",
        ),
        *("https://a/../b", "https://a b/"),
    ],
)
def test_inputs_are_folders_and_addresses_of_bindings_and_of_the_web(inputs: str) -> None:
    Settings(job_inputs="/a,dapr://binding/b,dapr://binding/c/d,*,https://e/f/,http://[::1]:80,/g")
    with pytest.raises(ValueError, match="job_inputs"):
        Settings(job_inputs=inputs)
