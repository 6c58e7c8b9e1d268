"""A stored study of digits, for tests that need no launch."""

from search.join import Asked, create_or_join, facts_of
from search.resolve import resolve
from search.study import Study
from spaces.lr_aug import LR_AUG
from spaces.overrides import override
from storage.store import Store
from tests.search.commands import QUICK
from trainer.data import open_source


def new_study(store: Store, *settings: str, name: str = "lr_aug") -> Study:
    source = open_source("digits")
    definition = override(LR_AUG, (*QUICK, *settings))
    facts = facts_of(source, definition.test_fraction)
    resolved = resolve(definition, source, "fp32")
    return create_or_join(store, Asked(name, definition, resolved, "digits", source.digest, facts))[0]
