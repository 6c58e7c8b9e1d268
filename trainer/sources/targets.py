"""Learning one part of a label that is a product, such as the gender of mask x gender x age."""

from dataclasses import replace
from math import prod

from trainer.sources.source import DataError, Source
from trainer.sources.wording import shown


def towards(source: Source, target: str) -> Source:
    """The same images in the same splits, labelled with one part only. DataError if there is no such part."""
    names = [part.name for part in source.parts]
    if target not in names:
        known = f"its parts are {', '.join(names)}" if names else "its labels have no parts: leave --target out"
        raise DataError(f"{shown(source.name)} ({source.kind}) has no target {shown(target)}: {known}")
    place = names.index(target)
    below = prod(len(part.class_names) for part in source.parts[place + 1 :])
    part = source.parts[place]
    labels = source.labels // below % len(part.class_names)
    if len(set(labels.tolist())) < 2:
        raise DataError(
            f"{shown(source.name)}: all images are {part.class_names[labels[0]]}: nothing to learn of {target}"
        )
    return replace(
        source,
        name=f"{source.name}-{target}",
        class_names=part.class_names,
        labels=labels,
        parts=(),
        strata=source.labels if source.strata is None else source.strata,
    )
