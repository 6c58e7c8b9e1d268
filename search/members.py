"""Which trained runs may answer together: those of one split, or recipes with answers to every image of one cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from search.conclusions import ended_well
from search.edge import UserError
from search.phases import kind_of
from search.progress import setting
from search.study import Study
from storage.rows import RunRow
from trainer.replicate import Replicate

Kind = Literal["runs", "recipes"]
Group = tuple["Entry", ...]
"""A run, or the runs of one recipe, one for each fold in order: what answers as one."""


@dataclass(frozen=True)
class Entry:
    """A run that ended well and whose answers are kept."""

    study: Study
    row: RunRow
    has_test: bool

    @property
    def replicate(self) -> Replicate:
        return Replicate.numbered(self.row.replicate, self.study.definition.folds)

    @property
    def name(self) -> str:
        return f"{self.study.name}/{self.row.phase}#{self.row.number}"

    @property
    def by_best_epoch(self) -> bool:
        """Whether its answers are those of the epoch that scored best on these very images."""
        return kind_of(self.row.phase) == "screen"


@dataclass(frozen=True)
class Basis:
    """What is combined. `groups` are parallel to the studies that were asked for."""

    kind: Kind
    groups: tuple[tuple[Group, ...], ...]


def entries_of(study: Study, phases: Sequence[str] = ()) -> list[Entry]:
    """The runs of a study (of these phases only) that can answer, each once, in the order of their training."""
    kinds: dict[int, set[str]] = {}
    for blob in study.store.blobs(study.study_id):
        kinds.setdefault(blob.trial_id, set()).add(blob.kind)
    found: dict[int, Entry] = {}
    for row in study.store.runs(study.study_id):
        if "validation" in kinds.get(row.trial_id, ()) and ended_well(row) and (not phases or row.phase in phases):
            found.setdefault(row.trial_id, Entry(study, row, "test" in kinds[row.trial_id]))
    return list(found.values())


def chosen_basis(entries: Sequence[Sequence[Entry]], kind: Kind | None) -> Basis:
    """Of the entries of each study. Of several splits (or cuts) the one that all studies share and most runs have,
    one whose recipes answered the test part before others. Raises `UserError` when nothing can be combined.
    """
    names = " and ".join(dict.fromkeys(each[0].study.name for each in entries if each)) or "these studies"
    recipes, runs = _shared([_recipes(each) for each in entries]), _shared([_runs(each) for each in entries])
    if kind != "runs" and recipes is not None and (kind == "recipes" or _count(recipes) > 1):
        return Basis("recipes", recipes)
    if kind != "recipes" and runs is not None:
        return Basis("runs", runs)
    what = "recipe with a run on every fold of one cut" if kind == "recipes" else "run on a split that all share"
    other = "; --members runs combines runs of one split" if kind == "recipes" and runs is not None else ""
    raise UserError(f"{names}: there is no {what} whose answers are kept{other}")


def basis_of(chosen: Sequence[Sequence[Entry]]) -> Basis:
    """Of runs that were named one by one: all of one split, or whole cuts. Raises `UserError` otherwise."""
    named = [entry for each in chosen for entry in each]
    if len({(entry.replicate.split_seed, entry.replicate.fold) for entry in named}) == 1:
        return Basis("runs", tuple(tuple((entry,) for entry in each) for each in chosen))
    for seed in {entry.replicate.split_seed for entry in named}:
        found = [_recipes(each).get(seed, ()) for each in chosen]
        if sum(len(group) for groups in found for group in groups) == len(named):
            return Basis("recipes", tuple(tuple(groups) for groups in found))
    first = named[0]
    other = next(entry for entry in named if _split(entry) != _split(first))
    raise UserError(
        f"{other.name} was trained on images that {first.name} is scored on (fold {other.replicate.fold} of cut "
        f"{other.replicate.split_seed}, and fold {first.replicate.fold} of cut {first.replicate.split_seed}): name "
        f"runs of one split, or all {first.replicate.folds} folds of one cut of every recipe"
    )


def words(group: Group) -> str:
    """`lr_aug/2-loss#4 focal(2), lr 0.004`, or `lr_aug/confirm final on 5 folds`."""
    first = group[0]
    if len(group) == 1:
        return f"{first.name} {setting(first.row)}"
    return f"{first.study.name}/{first.row.phase} {first.row.label} on {len(group)} folds"


def _split(entry: Entry) -> tuple[int, int]:
    return entry.replicate.split_seed, entry.replicate.fold


def _recipes(entries: Sequence[Entry]) -> dict[int, list[Group]]:
    """Seed of a cut -> the recipes that have a run on every fold of it."""
    found: dict[int, dict[str, dict[int, Entry]]] = {}
    for entry in entries:
        folds = found.setdefault(entry.replicate.split_seed, {}).setdefault(entry.row.signature, {})
        folds.setdefault(entry.replicate.fold, entry)
    whole: dict[int, list[Group]] = {}
    for seed, recipes in found.items():
        for folds in recipes.values():
            if len(folds) == next(iter(folds.values())).replicate.folds:
                whole.setdefault(seed, []).append(tuple(folds[fold] for fold in sorted(folds)))
    return whole


def _runs(entries: Sequence[Entry]) -> dict[tuple[int, int], list[Group]]:
    found: dict[tuple[int, int], list[Group]] = {}
    for entry in entries:
        found.setdefault(_split(entry), []).append((entry,))
    return found


def _shared(found: Sequence[Mapping]) -> tuple[tuple[Group, ...], ...] | None:
    """The groups of every study at the key that serves best; None where no key is in all of them."""
    keys = set.intersection(*(set(each) for each in found)) if found else set()
    if not keys:
        return None

    def use(key: Any) -> tuple[bool, int, Any]:
        groups = [each[key] for each in found]
        folds = len(next(group for each in groups for group in each))
        return folds > 1 and _tested(groups) > 1, _count(groups), key

    key = max(keys, key=use)
    return tuple(tuple(each[key]) for each in found)


def _count(groups: Sequence[Sequence[Group]]) -> int:
    return sum(len(each) for each in groups)


def _tested(groups: Sequence[Sequence[Group]]) -> int:
    return sum(all(entry.has_test for entry in group) for each in groups for group in each)
