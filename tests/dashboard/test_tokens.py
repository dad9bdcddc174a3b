"""The data route's pass: ours only, and only for a while."""

import pytest

from dashboard import tokens


def test_a_minted_pass_is_valid_until_it_runs_out():
    token = tokens.mint(now=1_000_000)

    assert tokens.is_valid(token, now=1_000_000)
    assert tokens.is_valid(token, now=1_000_000 + tokens.LIFETIME_S)
    assert not tokens.is_valid(token, now=1_000_000 + tokens.LIFETIME_S + 3_601)


def test_within_the_hour_the_pass_stays_the_same():
    assert tokens.mint(now=3_600_000) == tokens.mint(now=3_600_000 + 3_599)


@pytest.mark.parametrize("token", ["", "a", "a|b|c", "local|99999999999|" + "0" * 64, "ä|1|ö"])
def test_a_foreign_pass_is_refused(token):
    assert not tokens.is_valid(token)


def test_a_changed_pass_is_refused():
    viewer, end, signature = tokens.mint().split("|")

    assert not tokens.is_valid(f"{viewer}|{int(end) + 3_600}|{signature}")
