"""A study made from another one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from search.ask import changed, launch_line
from search.edge import UserError
from search.join import shown
from search.own_code import OwnCode
from search.resolve import largest_size
from search.study import Study
from spaces.overrides import differences
from spaces.study import StudyDefinition
from storage.names import check_study_name
from trainer.recipe import explain


@dataclass(frozen=True)
class Forked:
    differences: tuple[str, ...]  # in words
    adopted: int
    stale: str  # which stages are decided anew, in words
    line: str  # the launch command of the new study


def fork(
    source: Study, name: str, settings: tuple[str, ...], tries: tuple[str, ...], code: tuple[Path, ...] = ()
) -> Forked:
    """Create study `name` and take the finished runs over. Raises one-line errors, and writes nothing then."""
    check_study_name(name)
    own = OwnCode(code, {stored.file: stored for stored in source.resolved.code})
    try:
        asked = changed(source.asked, settings, tries, own)
        definition = changed(source.definition, settings, tries, own)
    except ValidationError as error:
        raise UserError(explain(error)) from None
    found = differences(source.asked, asked)
    if cut := sorted({"folds", "test_fraction"} & found.keys()):
        raise UserError(
            f"another {' and '.join(cut)} cuts the data otherwise, and no run of {source.name} would count; start a "
            f"study of its own: python -m search.launch --name {name} --set {cut[0]}={getattr(asked, cut[0])} ..."
        )
    if largest_size(definition, definition.baseline.image_size) > definition.baseline.pixels:
        raise UserError(
            f"{source.name} keeps its pictures at {definition.baseline.pixels} px and cannot show larger ones; start a "
            f"study of its own with python -m search.launch --name {name}"
        )
    if not found:
        raise UserError(f"{name} would be {source.name} again; give --set or --try with something that differs")
    texts = {stored.digest: stored for stored in (*source.resolved.code, *own.texts())}
    asks = {"definition": definition, "code": tuple(texts.values()), "quick": False, "hours": None}
    resolved = source.resolved.model_copy(update=asks)
    store = source.store
    manifest = replace(source.manifest, definition=asked.model_dump_json(), resolved=resolved.model_dump_json())
    stored = store.create(name, manifest)
    if (stored.definition, stored.resolved) != (manifest.definition, manifest.resolved):
        raise UserError(f"there is a study called {name!r} already; give another name with --as")
    # What an ablation or a retraining ran was never shown the test part, which a confirmation of it would be missing.
    extra = [state.phase for state in store.phases(source.study_id) if state.phase.startswith(("ablation", "retrain"))]
    adopted = store.adopt(source.study_id, stored.study_id, extra)
    facts = source.resolved.data
    line = launch_line(asked, name, facts.name if facts.name in ("digits", "faces") else "DATA", facts.options)
    return Forked(tuple(_words(path, *pair) for path, pair in found.items()), adopted, _stale(asked, found), line)


def _stale(asked: StudyDefinition, found: Mapping[str, object]) -> str:
    """What the fork asks anew. Runs of equal identity count all the same: only what is new is trained."""
    names = [stage.name for stage in asked.stages]
    touched = [at for at, name in enumerate(names) if any(path.startswith(f"stages.{name}.") for path in found)]
    if len(touched) == 0 or any(not path.startswith("stages.") for path in found):
        return f"every stage is decided anew: {', '.join(names)}"
    first = min(touched)
    later = names[first + 1 :]
    if not later:
        return f"decided anew: {names[first]}"
    return f"decided anew: {names[first]}; stale, should its winner change: {', '.join(later)}"


def _words(path: str, before: object, after: object) -> str:
    if isinstance(before, dict) and isinstance(after, dict) and "choices" in before and "choices" in after:
        more = [shown(each) for each in after["choices"] if each not in before["choices"]]
        less = [shown(each) for each in before["choices"] if each not in after["choices"]]
        told = [f"{', '.join(more)} added" if more else "", f"{', '.join(less)} left out" if less else ""]
        return f"{path}: {'; '.join(filter(None, told)) or 'the same values in another order'}"
    return f"{path}: {shown(before)} before, {shown(after)} now"
