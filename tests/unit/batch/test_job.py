import pytest

from meshlens.batch.job import Stage, count_levels, count_nodes


@pytest.mark.parametrize(
    ("parts", "nodes"),
    [(1, [1]), (2, [2, 1]), (16, [16, 1]), (17, [17, 2, 1]), (4097, [4097, 257, 17, 2, 1])],
)
def test_pieces_become_one_sixteen_at_a_time(parts: int, nodes: list[int]) -> None:
    levels = count_levels(parts)
    assert [count_nodes(parts, level) for level in range(levels + 1)] == nodes


def test_equal_stages_have_equal_digests_and_come_back_from_their_documents() -> None:
    stage = Stage("job-1", "one", {"b": 1, "a": "ü"}, [{"n": 0}, {"n": 1}])
    other = Stage("job-1", "one", {"a": "ü", "b": 1}, [{"n": 0}, {"n": 1}])
    assert stage.digest == other.digest
    assert Stage.of(stage.document) == stage
    assert stage.digest != Stage("job-2", "one", stage.inputs, stage.parts).digest
