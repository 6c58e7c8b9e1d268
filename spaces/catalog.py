"""The study definitions that come with ceteris: every one that a file of this folder holds as a constant."""

import difflib
import importlib
import pkgutil

import spaces
from spaces.study import StudyDefinition


def found() -> dict[str, StudyDefinition]:
    """Adding a study is adding one file with one constant: it is found here. Two of one name are a bug."""
    definitions: dict[str, StudyDefinition] = {}
    for module in pkgutil.iter_modules(spaces.__path__, "spaces."):
        if module.name == __name__:
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, StudyDefinition) and definitions.setdefault(value.name, value) is not value:
                raise ValueError(f"two files in spaces define a study {value.name!r}: rename one")
    return definitions


DEFINITIONS: dict[str, StudyDefinition] = found()


class UnknownStudy(Exception):
    """No definition of that name; the message names what there is."""


def definition_named(name: str) -> StudyDefinition:
    """The definition called `name`. Raises `UnknownStudy` with the nearest name that exists."""
    if name in DEFINITIONS:
        return DEFINITIONS[name]
    near = difflib.get_close_matches(name, DEFINITIONS, n=1, cutoff=0.4)
    hint = f"did you mean --study {near[0]}?" if near else f"give one of: {', '.join(sorted(DEFINITIONS))}"
    raise UnknownStudy(f"no study definition is called {name!r}; {hint}")
