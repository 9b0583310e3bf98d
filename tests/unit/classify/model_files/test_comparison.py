"""A new model is kept if it answers the same, and is faster in every round or smaller."""

import pytest

from meshlens.classify.model_files.comparison import Answers, Costs, judge, report
from meshlens.classify.model_files.errors import NotBetter

SAME = Answers(pictures=50, same=49, among=50, mean=0.01, largest=0.2)


def costs(*ratios: float, new_bytes: int = 1000) -> Costs:
    return Costs(old=10, new=7, ratios=ratios, old_bytes=1000, new_bytes=new_bytes)


@pytest.mark.parametrize(
    "kept", [costs(0.7, 0.8, 0.99), costs(0.9, 1.2, new_bytes=500), costs(0.7, 0.8, new_bytes=2000)]
)
def test_what_is_faster_or_smaller_is_kept(kept: Costs) -> None:
    judge(SAME, kept, 0.98)


@pytest.mark.parametrize("useless", [costs(0.9, 1.01), costs(1.1, 1.2, new_bytes=960)])
def test_what_is_neither_is_not(useless: Costs) -> None:
    with pytest.raises(NotBetter, match="must be faster in every round, or its file smaller"):
        judge(SAME, useless, 0.98)


def test_what_answers_otherwise_is_not_however_fast() -> None:
    with pytest.raises(NotBetter, match=r"for 99\.0% of the pictures, got 98\.0%") as caught:
        judge(SAME, costs(0.1, new_bytes=1), 0.99)
    assert caught.value.option == "--least-agreement"


def test_the_report_has_ratios_with_their_spread() -> None:
    assert report(SAME, costs(0.7, 0.72, 0.8, new_bytes=990)).splitlines() == [
        "same first label: 49 of 50 pictures, 98.0%",
        "old first label among the new first 5: 50",
        "probabilities differ by at most 0.200; that of the first label by 0.010 on average",
        "CPU for a picture: 10.00 ms before, 7.00 ms now; ratio 0.72, 0.70 to 0.80 in 3 rounds",
        "bytes: 1000 before, 990 now; ratio 0.99",
    ]
