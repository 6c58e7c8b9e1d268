"""Find a stored study by name."""

import difflib

from search.edge import UserError
from search.study import Study
from storage.rows import Manifest
from storage.store import Store


def find_study(store: Store, name: str | None) -> Study:
    """The study called `name`, or the newest one. Raises `UserError` naming what there is."""
    return Study.of(store, find_manifest(store, name))


def find_manifest(store: Store, name: str | None) -> Manifest:
    """Its manifest, readable or not: enough to delete it. Raises `UserError` naming what there is."""
    names = [summary.name for summary in store.studies()]
    if not names:
        raise UserError(
            f"no study in {store.url_without_secret} yet; start one: python -m search.launch --study lr_aug"
        )
    if name is None:
        name = names[-1]
    manifest = store.manifest(name) if name in names else None
    if manifest is None:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean --name {near[0]}?" if near else f"there is: {', '.join(names[:8])}"
        raise UserError(f"no study is called {name!r}; {hint}")
    return manifest
