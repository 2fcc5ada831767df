"""The protocol of commits, removals, readers and gc holds in every interleaving; mistakes are noticed."""

from __future__ import annotations

import pytest

from tests.models.gc_protocol import CASES, MISTAKES, Case, explore_case


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_the_protocol_holds(case: Case) -> None:
    """No schedule and no crash leads to a ref without its bytes, a half tree, a wrong read, or litter."""
    count, failure = explore_case(case)

    assert failure == ""
    assert count > 100


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_noticed(mistake: str) -> None:
    """Each rule of the protocol is there for a reason: without it some schedule breaks a promise."""
    assert any(explore_case(case, mistake)[1] for case in CASES)
