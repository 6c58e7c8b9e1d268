"""An .npz file: images and labels as arrays, in one piece or as train, val and test."""

from pathlib import Path

from trainer.sources.arrays import array_pictures, array_source
from trainer.sources.listing import composed
from trainer.sources.named_arrays import Arrays
from trainer.sources.source import Source, SourceOptions
from trainer.sources.wording import listed, shown

_IMAGES = ("x", "X", "images", "image", "data")
_GROUPS = ("group", "groups")


def npz(file: Path, options: SourceOptions) -> Source:
    """Opens without pickle, so that no code comes with the data."""
    arrays = Arrays.read(file)
    images = arrays.choose(_IMAGES, "images")
    label = arrays.label(images, options.label)
    group = options.group or next((name for name in _GROUPS if name in arrays.columns), None)
    pixels = arrays.joined(images)
    labels = arrays.texts(label, images)
    groups = None if group is None else arrays.texts(group, images)
    others = [name for name in arrays.alike(images) if name not in (label, group)]
    offer = f"{shown(file.name)} also holds {listed(others)}: if one names a person or object, declare it, --group NAME"
    return array_source(
        kind="npz",
        where=arrays.where,
        name=shown(composed(file.stem)),
        pictures=array_pictures(arrays.where, images, pixels),
        labels=labels,
        words=arrays.words(images),
        class_names=arrays.class_names(label, labels),
        groups=groups,
        notes=(offer,) if others and groups is None else (),
    )
