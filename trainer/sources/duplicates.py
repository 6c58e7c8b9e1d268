"""Pictures of equal bytes: what they do to a split, and whether their labels agree."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from trainer.sources.source import Source
from trainer.sources.wording import counted, listed


def duplicate_notes(source: Source) -> tuple[str, ...]:
    """One line for each way in which equal pictures mislead. Reads the contents, which are remembered."""
    twins: dict[bytes, list[int]] = defaultdict(list)
    for index, content in enumerate(source.pictures.contents()):
        twins[content].append(index)
    sets = [same for same in twins.values() if len(same) > 1]
    if not sets:
        return ()

    def differing(column: Callable[[int], object]) -> list[list[int]]:
        return [same for same in sets if len({column(index) for index in same}) > 1]

    def named(some: Sequence[Sequence[int]]) -> str:
        return listed(" = ".join(source.names[index] for index in same[:3]) for same in some[:5])

    torn = differing(lambda index: int(source.labels[index]))
    notes = [_note(torn, "stand in two classes, one label of each must be wrong", named(torn))]
    if (test := source.official_test) is not None:
        across = differing(lambda index: bool(test[index]))
        notes.append(_note(across, "stand on both sides of the official split, which flatters", named(across)))
    if (groups := source.groups) is not None:
        apart = differing(lambda index: int(groups[index]))
        notes.append(_note(apart, "stand in two groups, which a split may separate", named(apart)))
    else:
        notes.append(_note(sets, "occur more than once, and a split may put them on both sides", named(sets)))
    return tuple(note for note in notes if note)


def _note(sets: Iterable[Sequence[int]], what: str, named: str) -> str:
    count = len(list(sets))
    return f"{counted(count, 'picture')} of equal bytes {what}: {named}" if count else ""
