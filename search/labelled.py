"""What stored answers are compared with: the labels and groups of the images, and whether studies belong together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.ask import BUILT_IN_DATA
from search.data_options import source_options
from search.edge import UserError
from search.resolve import geometry_of
from search.study import Study
from trainer.data import Source, SourceOptions, decode, open_source

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Labelled:
    """`whole` is labelled with the joint label where the studies answer parts of it, `by_study` as each one is."""

    whole: Source
    by_study: tuple[Source, ...]
    targets: tuple[str | None, ...]  # of each study

    @property
    def parts(self) -> tuple[str, ...]:
        """The targets in the order in which a joint label counts through them; none where studies answer all of it."""
        return tuple(part.name for part in self.whole.parts) if self.targets[0] is not None else ()


def labelled(studies: Sequence[Study], data: str | None, cache: Path | None) -> Labelled:
    """Opens the data of the studies; decodes none. Raises `UserError` when the answers of the studies cannot be
    combined, or `data` are not theirs."""
    _refuse_strangers(studies)
    first, targets = studies[0], tuple(options_of(study, cache).target for study in studies)
    if None in targets and len(set(targets)) > 1:
        answers = next(study.name for study, target in zip(studies, targets, strict=True) if target is None)
        raise UserError(
            f"{answers} answers the whole label and others a part of it; combine studies of whole labels, or one or "
            "more for each part"
        )
    data = place_of(first, data)
    opened = {target: _opened(first, data, replace(options_of(first, cache), target=target)) for target in set(targets)}
    for study, target in zip(studies, targets, strict=True):
        if opened[target].digest != study.manifest.data_digest:
            raise UserError(_others(studies, study, data))
    whole = opened[None] if None in opened else _opened(first, data, replace(options_of(first, cache), target=None))
    if missing := [p.name for p in whole.parts if targets[0] is not None and p.name not in targets]:
        raise UserError(
            f"nobody answers {' and '.join(missing)}: a joint label needs a study for each of "
            f"{', '.join(part.name for part in whole.parts)} (--target)"
        )
    return Labelled(whole, tuple(opened[target] for target in targets), targets)


def place_of(study: Study, data: str | None) -> str:
    """Where the data of a study are: as given, or built in. Raises `UserError` when neither."""
    facts = study.resolved.data
    if data is None and facts.kind not in BUILT_IN_DATA:
        raise UserError(f"the images and labels of {facts.name} are needed; give --data with a copy of them")
    return data or facts.kind


def _others(studies: Sequence[Study], study: Study, data: str) -> str:
    first = studies[0]
    same_target = options_of(first, None).target == options_of(study, None).target
    if study is not first and same_target and study.manifest.data_digest != first.manifest.data_digest:
        return (
            f"{study.name} is of other data ({study.resolved.data.words}; digest {study.manifest.data_digest[:12]}) "
            f"than {first.name} (digest {first.manifest.data_digest[:12]}); combine studies of the same images and "
            "labels"
        )
    return f"{data} is not the data of study {study.name}; give --data with the same images and labels"


def _refuse_strangers(studies: Sequence[Study]) -> None:
    """Raises `UserError` unless the studies cut alike and score alike."""
    first = studies[0]
    for study in studies[1:]:
        mine, theirs = first.definition, study.definition
        cut = [
            ("--set folds", mine.folds, theirs.folds),
            ("--set test_fraction", mine.test_fraction, theirs.test_fraction),
        ]
        cut += [("--seed", mine.seed, theirs.seed)]
        apart = [f"{what} is {a:g} in {first.name} and {b:g} in {study.name}" for what, a, b in cut if a != b]
        if apart:
            raise UserError(
                f"{'; '.join(apart)}: their folds differ, so that one was trained on what the other is scored on; "
                "combine studies that are cut alike"
            )
        if mine.baseline.metric != theirs.baseline.metric:
            raise UserError(
                f"{first.name} is scored by {mine.baseline.metric} and {study.name} by {theirs.baseline.metric}; "
                "combine studies of one metric"
            )
        if first.manifest.recipe_version != study.manifest.recipe_version:
            raise UserError(
                f"{first.name} and {study.name} are of other releases (recipe version "
                f"{first.manifest.recipe_version} and {study.manifest.recipe_version}); search one of them again"
            )


def _opened(study: Study, data: str, options: SourceOptions) -> Source:
    source = open_source(data, options)
    if not options.skip_broken:
        return source
    geometry = geometry_of(study.definition.baseline)
    return decode(source, geometry, cache=options.cache, skip_broken=True).source


def options_of(study: Study, cache: Path | None) -> SourceOptions:
    """As the study reads its data."""
    words: dict[str, str] = {}
    for word in study.resolved.data.options:
        name, _, value = word.removeprefix("--").partition("=")
        words[name.replace("-", "_")] = value
    return source_options(
        label=words.get("label"),
        group=words.get("group"),
        target=words.get("target"),
        follow_links="follow_links" in words,
        skip_broken="skip_broken" in words,
        cache=cache,
    )
