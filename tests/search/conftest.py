"""A workplace, for tests of trials in this process."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from search.join import Asked, create_or_join, facts_of
from search.keeper import LeaseKeeper
from search.leaving import Leaving
from search.resolve import resolve
from search.workplace import Workplace
from spaces.lr_aug import LR_AUG
from spaces.overrides import override
from storage.checkpoints import CheckpointFolder
from storage.store import Store
from tests.search.commands import QUICK
from tests.search.trials import WORKER
from trainer.data import Geometry, load, open_source


@pytest.fixture
def leaving() -> Iterator[Leaving]:
    """Nobody asks to leave; the handlers of signals are as before at the end."""
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    yield Leaving(None)
    for name, handler in before.items():
        signal.signal(name, handler)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Workplace]:
    """See `workplace`: one of the test's own."""
    with workplace(tmp_path) as made:
        yield made


@contextmanager
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    """A workplace on digits with the pilot's rules settled: delta 0, so that whoever is behind the cut is pruned."""
    store = Store.connect(f"sqlite:///{(tmp_path / 'ceteris.db').as_posix()}", ttl=5.0)
    source = open_source("digits")
    definition = override(LR_AUG, (*QUICK, "baseline.epochs=6", "delta=0", "budgets.rungs=[2]"))
    facts = facts_of(source, definition.test_fraction)
    resolved = resolve(definition, source, "fp32")
    study, _ = create_or_join(store, Asked("lr_aug", definition, resolved, "digits", source.digest, facts))
    store.measure_once(study.study_id, "rules", {"delta": 0.0, "noise": 0.01}, "test")
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    leaving = Leaving(None)
    keeper = LeaseKeeper(store, WORKER, 0.2, leaving)
    yield Workplace(
        study=study,
        data=load(source, Geometry(8, 1)),
        device=torch.device("cpu"),
        files={},
        checkpoints=CheckpointFolder(tmp_path / "files"),
        keeper=keeper,
        checkpoint_seconds=1000.0,
        leaving=leaving,
        mode={"threads": 1},
    )
    keeper.close()
    store.close()
    for name, handler in before.items():
        signal.signal(name, handler)
