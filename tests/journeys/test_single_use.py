"""Single use is atomic: of any number of uses at once, from threads of several processes, one succeeds (A88, CB-011)."""

from typing import get_args

import pytest

from tests.support.contest import Kind, arena, make_auth, offer, winners_in_the_database

KINDS: tuple[Kind, ...] = get_args(Kind)


def play(url: str, kinds: tuple[Kind, ...], *, rounds: int, processes: int, contestants: int) -> None:
    """Play so many rounds of each kind; no round may have a second winner, or none."""
    auth = make_auth(url)
    with arena(url, processes=processes, contestants=contestants) as ring:
        for number in range(rounds):
            for kind in kinds:
                prize = offer(auth, kind)
                assert ring.fight(prize) == 1, f"{kind}, round {number}"
                assert winners_in_the_database(auth, prize) == 1, f"{kind}, round {number}"
    with auth.store.read(snapshot=True) as tx:
        assert auth.services.audit.verify(tx) == []
    auth.stop()


def test_no_code_and_no_link_works_twice_at_once(store_url: str):
    play(store_url, KINDS, rounds=3, processes=2, contestants=16)


@pytest.mark.all
@pytest.mark.parametrize("kind", KINDS)
def test_no_code_and_no_link_works_twice_in_1000_rounds_of_50(store_url: str, kind: Kind):
    play(store_url, (kind,), rounds=1_000, processes=4, contestants=50)
