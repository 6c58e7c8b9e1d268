"""Create a study or join it; a joiner whose runs would not be comparable is refused before any trial."""

import getpass
import socket
from dataclasses import dataclass

from pydantic import ValidationError

from search.ask import launch_line
from search.edge import Refused
from search.own_code import StoredCode
from search.records import DataFacts, Resolved
from search.study import ASKED_ABLATION, ASKED_FULL, ASKED_OVERTIME, ENDED, Study
from search.versions import other_arithmetic, versions
from spaces.overrides import differences
from spaces.study import StudyDefinition
from storage.rows import Manifest
from storage.store import Store
from trainer.data import Source
from trainer.folds import hold_out
from trainer.recipe import RECIPE_VERSION


@dataclass(frozen=True)
class Asked:
    """A study as this launch would create it: the definition as asked, and with everything looked up."""

    name: str
    definition: StudyDefinition
    resolved: StudyDefinition
    data: str
    data_digest: str
    facts: DataFacts
    target: str | None = None
    code: tuple[StoredCode, ...] = ()
    quick: bool = False
    ablation: bool = False
    hours: float | None = None


def create_or_join(store: Store, asked: Asked) -> tuple[Study, bool]:
    """The stored study, and whether this call created it.

    The unresolved definitions are compared and the stored resolved one adopted, so that what `auto` looked up on the
    first server holds on all. Whether it is quick, has an ablation or a time is no part of the question: who joins with
    more makes it more. Raises `Refused` with the differences and the line that would work.
    """
    resolved = Resolved(
        definition=asked.resolved, data=asked.facts, code=asked.code, quick=asked.quick, hours=asked.hours
    )
    mine = Manifest(
        definition=asked.definition.model_dump_json(),
        resolved=resolved.model_dump_json(),
        data_digest=asked.data_digest,
        recipe_version=RECIPE_VERSION,
        versions=versions(),
        creator=f"{_user()}@{socket.gethostname()}",
    )
    existed = store.manifest(asked.name) is not None
    stored = store.create(asked.name, mine)
    check_joins(stored, mine, asked)
    study = Study.of(store, stored)
    only_read = study.answers(asked.quick, asked.ablation)
    if (apart := other_arithmetic(stored.versions)) and not only_read:
        raise Refused(
            f"study {stored.name} was begun with other libraries ({apart}): their scores are never ranked together; "
            f"install those of the study, or start your own with --name {stored.name}-2"
        )
    _ask_for_more(study, asked, mine.creator)
    return study, not existed


def _ask_for_more(study: Study, asked: Asked, who: str) -> None:
    """What this launch asks beyond what was asked so far. It may take its time when that of the study is over."""
    full, ablation = study.depth == "quick" and not asked.quick, asked.ablation and not study.wants_ablation
    if (full or ablation) and study.deadline is not None and study.store.now() > study.deadline:
        study.ask(ASKED_OVERTIME, who)
        study.store.reopen(study.study_id, ENDED)
    if full:
        study.ask(ASKED_FULL, who)
    if ablation:
        study.ask(ASKED_ABLATION, who)


def check_joins(stored: Manifest, mine: Manifest, asked: Asked) -> None:
    """Raises `Refused` unless the stored study trains exactly what is asked here."""
    own_way = f"start your own with --name {stored.name}-2"
    if stored.recipe_version != mine.recipe_version:
        raise Refused(
            f"study {stored.name} was made with recipe version {stored.recipe_version}, this program trains version "
            f"{mine.recipe_version}: runs would not be comparable; use the other release, or {own_way}"
        )
    if stored.data_digest != mine.data_digest:
        try:
            facts = Resolved.model_validate_json(stored.resolved).data
            there, read_with = facts.words, facts.options
        except ValidationError:
            there, read_with = "of another release", asked.facts.options
        how = f"--data and {' '.join(read_with) or 'no other option'}" if read_with != asked.facts.options else "--data"
        options = f", read with {' '.join(read_with) or 'no options'}" if read_with != asked.facts.options else ""
        raise Refused(
            f"study {stored.name} was made on other data ({there}; "
            f"digest {stored.data_digest[:12]}{options}) than {asked.data} (digest {mine.data_digest[:12]}); "
            f"give {how} with a copy of the same images and labels, or {own_way}"
        )
    if stored.definition == mine.definition:
        return
    try:
        theirs = StudyDefinition.model_validate_json(stored.definition)
    except ValidationError:
        raise Refused(
            f"study {stored.name} was made by another release of ceteris; use that release, or {own_way}"
        ) from None
    if theirs == asked.definition:
        return
    changed = "; ".join(
        f"{path} is {shown(there)} there, {shown(here)} here"
        for path, (here, there) in differences(asked.definition, theirs).items()
    )
    raise Refused(
        f"study {stored.name} exists with another definition: {changed or 'the order of its stages'}. "
        f"Join it as it is (with the same --storage): "
        f"{launch_line(theirs, stored.name, asked.data, asked.facts.options, asked.target)} - or {own_way}"
    )


def facts_of(
    source: Source, test_fraction: float, options: tuple[str, ...] = (), left_out: tuple[str, ...] = ()
) -> DataFacts:
    """What the manifest says of the data; decodes nothing."""
    development, test = hold_out(source, test_fraction)
    return DataFacts(
        name=source.name,
        kind=source.kind,
        classes=source.class_names,
        development_images=len(development),
        test_images=len(test),
        groups=None if source.groups is None else len(set(source.groups.tolist())),
        official_test=source.official_test is not None,
        options=options,
        left_out=left_out,
    )


def shown(value: object) -> str:
    """A setting of a definition in short."""
    if isinstance(value, dict) and "kind" in value:
        settings = ", ".join(f"{k}={v}" for k, v in value.items() if k not in ("kind", "choices"))
        return f"{value['kind']}({settings})" if settings else str(value["kind"])
    if isinstance(value, str) and value.startswith("sha256:"):
        return value[:19]
    return "nothing" if value is None else str(value)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
