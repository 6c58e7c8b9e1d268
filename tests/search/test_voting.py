"""How several answers become one: laws of voting and of greedy selection."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search import voting

Case = tuple[np.ndarray, np.ndarray, np.ndarray]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """(members [M, n, C], weights [M], labels [n])"""
    count, images, classes = draw(st.integers(1, 6)), draw(st.integers(2, 30)), draw(st.integers(2, 5))
    luck = np.random.default_rng(draw(st.integers(0, 10_000)))
    coarse = luck.integers(1, 4 if draw(st.booleans()) else 1000, size=(count, images, classes)).astype(float)
    weights = luck.integers(1, 4, size=count).astype(float)
    members = coarse / coarse.sum(axis=-1, keepdims=True)
    return members, weights / weights.sum(), luck.integers(classes, size=images)


def accuracy(labels: np.ndarray) -> voting.Scored:
    return lambda answers: float((answers.argmax(axis=-1) == labels).mean())


@given(cases())
def test_a_soft_vote_is_a_distribution(case: Case) -> None:
    members, weights, _ = case
    told = voting.soft(members, weights)
    assert told.min() >= 0
    assert np.allclose(told.sum(axis=-1), 1)


@given(cases(), st.integers(0, 1000))
@pytest.mark.parametrize("vote", ["soft", "hard"])
def test_the_order_of_members_changes_nothing(vote: voting.Vote, case: Case, seed: int) -> None:
    members, weights, _ = case
    order = np.random.default_rng(seed).permutation(len(members))
    told, again = (voting.combined(vote, members[o], weights[o]) for o in (np.arange(len(members)), order))
    assert np.allclose(told, again, rtol=0, atol=1e-12)


@given(cases())
@pytest.mark.parametrize("vote", ["soft", "hard"])
def test_a_vote_of_one_member_is_that_member(vote: voting.Vote, case: Case) -> None:
    members, _, _ = case
    told = voting.combined(vote, members[:1], np.ones(1))
    assert (told.argmax(axis=-1) == members[0].argmax(axis=-1)).all()


@given(cases())
def test_a_hard_vote_answers_a_class_with_most_votes_and_of_equal_ones_the_more_probable(case: Case) -> None:
    members, _, _ = case
    weights = voting.equally(list(range(len(members))), len(members))
    told, probable = voting.hard(members, weights).argmax(axis=-1), voting.soft(members, weights)
    for image, answered in enumerate(told):
        votes = np.bincount(members[:, image].argmax(axis=-1), minlength=members.shape[-1])
        tied = np.flatnonzero(votes == votes.max())
        assert votes[answered] == votes.max()
        assert probable[image, answered] >= probable[image, tied].max() - 1e-9


def test_two_votes_against_one_win_however_sure_the_one_is() -> None:
    members = np.array([[[0.51, 0.49]], [[0.51, 0.49]], [[0.0, 1.0]]])
    third = np.full(3, 1 / 3)
    assert voting.hard(members, third).argmax() == 0
    assert voting.soft(members, third).argmax() == 1


@given(cases(), st.integers(0, 3))
def test_greedy_weights_are_shares_that_sum_to_one(case: Case, bags: int) -> None:
    members, _, labels = case
    weights = voting.greedy(members, accuracy(labels), rounds=6, bags=bags)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)


@given(cases())
def test_greedy_is_never_below_its_best_member_on_the_images_it_selects_by(case: Case) -> None:
    members, _, labels = case
    score = accuracy(labels)
    weights = voting.greedy(members, score, rounds=6)
    assert score(voting.soft(members, weights)) >= max(score(member) for member in members)


@given(cases())
def test_greedy_is_never_below_the_best_few_that_it_may_begin_with(case: Case) -> None:
    members, _, labels = case
    score = accuracy(labels)
    order = voting.ranking(members, score)
    best = max(score(members[order[:count]].mean(axis=0)) for count in range(1, min(voting.STARTS, len(order)) + 1))
    assert score(voting.soft(members, voting.greedy(members, score, rounds=6))) >= best


def test_greedy_takes_a_member_that_is_weak_alone_and_right_where_the_others_fail() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    right = np.where(np.arange(2) == labels[:, None], 0.6, 0.4)
    good, good.flags.writeable = right.copy(), True
    good[[2, 5]] = good[[2, 5], ::-1]  # wrong on two, not by much
    helper = right[:, ::-1].copy()
    helper[[2, 5]] = np.where(np.arange(2) == labels[[2, 5], None], 0.75, 0.25)
    members = np.stack([good, helper])
    weights = voting.greedy(members, accuracy(labels))
    assert (weights > 0).all()
    assert accuracy(labels)(voting.soft(members, weights)) == 1


def test_bags_of_a_seed_are_the_same_bags() -> None:
    luck = np.random.default_rng(1)
    members, labels = luck.dirichlet(np.ones(4), size=(8, 50)), luck.integers(4, size=50)
    one, two, other = (voting.greedy(members, accuracy(labels), bags=5, seed=seed) for seed in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()
