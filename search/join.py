"""Create a study or join it; a joiner whose runs would not be comparable is refused before any trial."""

import getpass
import socket

from pydantic import ValidationError

from search.ask import launch_line
from search.edge import Refused
from search.study import DataFacts, Resolved, Study
from search.versions import versions
from spaces.overrides import differences
from spaces.study import StudyDefinition
from storage.rows import Manifest
from storage.store import Store
from trainer.data import Source
from trainer.folds import hold_out
from trainer.recipe import RECIPE_VERSION


def create_or_join(
    store: Store,
    name: str,
    asked: StudyDefinition,
    resolved: StudyDefinition,
    source: Source,
    facts: DataFacts,
    data: str,
) -> tuple[Study, bool]:
    """The stored study, and whether this call created it.

    The unresolved definitions are compared and the stored resolved one adopted, so that what `auto` looked up on the
    first server holds on all. Raises `Refused` with the differences and the line that would work.
    """
    mine = Manifest(
        definition=asked.model_dump_json(),
        resolved=Resolved(definition=resolved, data=facts).model_dump_json(),
        data_digest=source.digest,
        recipe_version=RECIPE_VERSION,
        versions=versions(),
        creator=f"{_user()}@{socket.gethostname()}",
    )
    existed = store.manifest(name) is not None
    stored = store.create(name, mine)
    check_joins(stored, mine, asked, data)
    return Study.of(store, stored), not existed


def check_joins(stored: Manifest, mine: Manifest, asked: StudyDefinition, data: str) -> None:
    """Raises `Refused` unless the stored study trains exactly what is asked here."""
    own_way = f"start your own with --name {stored.name}-2"
    if stored.recipe_version != mine.recipe_version:
        raise Refused(
            f"study {stored.name} was made with recipe version {stored.recipe_version}, this program trains version "
            f"{mine.recipe_version}: runs would not be comparable; use the other release, or {own_way}"
        )
    if stored.data_digest != mine.data_digest:
        try:
            there = Resolved.model_validate_json(stored.resolved).data.words
        except ValidationError:
            there = "of another release"
        raise Refused(
            f"study {stored.name} was made on other data ({there}; "
            f"digest {stored.data_digest[:12]}) than {data} (digest {mine.data_digest[:12]}); "
            f"give --data with a copy of the same images and labels, or {own_way}"
        )
    if stored.definition == mine.definition:
        return
    try:
        theirs = StudyDefinition.model_validate_json(stored.definition)
    except ValidationError:
        raise Refused(
            f"study {stored.name} was made by another release of ceteris; use that release, or {own_way}"
        ) from None
    if theirs == asked:
        return
    changed = "; ".join(
        f"{path} is {_show(there)} there, {_show(here)} here"
        for path, (here, there) in differences(asked, theirs).items()
    )
    raise Refused(
        f"study {stored.name} exists with another definition: {changed or 'the order of its stages'}. "
        f"Join it as it is (with the same --storage): {launch_line(theirs, stored.name, data)} - or {own_way}"
    )


def facts_of(source: Source, test_fraction: float) -> DataFacts:
    """What the manifest says of the data; decodes nothing."""
    development, test = hold_out(source.labels, source.groups, test_fraction)
    return DataFacts(
        name=source.name,
        classes=source.class_names,
        development_images=len(development),
        test_images=len(test),
        groups=None if source.groups is None else len(set(source.groups.tolist())),
    )


def resolve(asked: StudyDefinition, source: Source, precision: str) -> StudyDefinition:
    """`asked` with the fields that are looked up filled in: geometry from the data, precision from the device.

    delta and noise stay in `auto`: the pilot measures them.
    """
    looked_up = {"image_size": source.default_image_size, "channels": source.default_channels, "precision": precision}
    update = {field: value for field, value in looked_up.items() if field in asked.auto}
    auto = tuple(field for field in asked.auto if field not in looked_up)
    return asked.model_copy(update={"baseline": asked.baseline.model_copy(update=update), "auto": auto})


def _show(value: object) -> str:
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
