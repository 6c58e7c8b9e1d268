"""The study definitions that come with ceteris. Adding one is adding one file with one constant, and its line here."""

import difflib

from spaces.lr_aug import LR_AUG
from spaces.study import StudyDefinition

DEFINITIONS: dict[str, StudyDefinition] = {definition.name: definition for definition in (LR_AUG,)}


class UnknownStudy(Exception):
    """No definition of that name; the message names what there is."""


def definition_named(name: str) -> StudyDefinition:
    """The definition called `name`. Raises `UnknownStudy` with the nearest name that exists."""
    if name in DEFINITIONS:
        return DEFINITIONS[name]
    near = difflib.get_close_matches(name, DEFINITIONS, n=1, cutoff=0.4)
    hint = f"did you mean --study {near[0]}?" if near else f"give one of: {', '.join(sorted(DEFINITIONS))}"
    raise UnknownStudy(f"no study definition is called {name!r}; {hint}")
