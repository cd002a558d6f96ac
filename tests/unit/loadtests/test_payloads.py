import json
from collections import Counter

import pytest

from loadtests.payloads import SIZES, Payloads, body_of


@pytest.mark.parametrize("size", [size for size, _ in SIZES])
def test_a_body_is_an_object_of_exactly_the_size(size: int) -> None:
    body = body_of(size)
    assert len(body) == size
    assert isinstance(json.loads(body), dict)


def test_no_body_is_larger_than_the_api_takes() -> None:
    assert max(size for size, _ in SIZES) <= 262_144


def test_the_shares_are_a_whole() -> None:
    assert sum(share for _, share in SIZES) == pytest.approx(1)


def test_bodies_come_in_their_shares() -> None:
    payloads = Payloads(((20, 0.75), (40, 0.25)))
    drawn = Counter(len(payloads.next()) for _ in range(4000))
    assert drawn[20] == pytest.approx(3000, abs=150)
    assert drawn[40] == 4000 - drawn[20]


def test_the_same_seed_gives_the_same_order() -> None:
    first, second = Payloads(seed=3), Payloads(seed=3)
    assert [first.next() for _ in range(50)] == [second.next() for _ in range(50)]
