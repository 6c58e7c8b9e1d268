import random

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.randomness import default_generators, generator, seed_of

CPU = torch.device("cpu")
KNOWN = 929583480629082613
ARGUMENTS = st.tuples(
    st.integers(0, 10**6), st.sampled_from(["split", "init", "order", "augment", "model"]), st.integers(0, 1000)
)


@given(ARGUMENTS, ARGUMENTS)
def test_other_arguments_give_another_seed_and_equal_ones_the_same(one: tuple, other: tuple) -> None:
    assert (seed_of(*one) == seed_of(*other)) == (one == other)
    assert 0 <= seed_of(*one) < 2**63


def test_the_seed_is_the_same_on_every_machine() -> None:
    assert seed_of(7, "order", 3) == KNOWN


def test_a_generator_is_fresh_each_time() -> None:
    draws = [torch.rand(3, generator=generator(CPU, 1, "augment", 2)) for _ in range(2)]
    assert torch.equal(*draws)
    assert not torch.equal(draws[0], torch.rand(3, generator=generator(CPU, 1, "augment", 3)))


def test_default_generators_are_seeded_inside_and_untouched_after() -> None:
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    with default_generators(CPU, 5, "model", 1):
        inside = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    with default_generators(CPU, 5, "model", 1):
        assert torch.equal(torch.rand(2), inside)


def test_nothing_else_ambient_is_touched() -> None:
    before = random.getstate(), repr(np.random.get_state())
    with default_generators(CPU, 5, "model", 1):
        pass
    assert (random.getstate(), repr(np.random.get_state())) == before
