"""What is looked up once for a study: the geometry of its pixels from the data, the precision from the device."""

import math

from search.edge import UserError
from spaces.stage import Stage
from spaces.study import StudyDefinition
from trainer.data import Geometry, Source
from trainer.recipe import Hard, Recipe, crops

CROP_MARGIN = 1.25  # stored pixels per pixel seen: a crop of 64 % of the area still has a pixel for each it shows


def resolve(asked: StudyDefinition, source: Source, precision: str) -> StudyDefinition:
    """`asked` with the fields that are looked up filled in: geometry from the data, precision from the device.

    delta and noise stay in `auto`: the pilot measures them.
    """
    looked_up = {"image_size": source.default_image_size, "channels": source.default_channels, "precision": precision}
    update = {field: value for field, value in looked_up.items() if field in asked.auto}
    baseline = asked.baseline.model_copy(update={"stored_size": None, **update})  # it is checked below, in our words
    if "stored_size" in asked.auto:
        stored = stored_size(asked, baseline.image_size, source)
    else:
        stored = asked.baseline.stored_size
    if (stored or baseline.image_size) < largest_size(asked, baseline.image_size):
        raise UserError(
            f"baseline.stored_size {stored or 'none'} is below the largest image size of the study, "
            f"{largest_size(asked, baseline.image_size)}; give that or more, or leave it out"
        )
    baseline = baseline.model_copy(update={"stored_size": stored})
    check_heads(asked, source)
    auto = tuple(field for field in asked.auto if field in ("delta", "noise"))
    return asked.model_copy(update={"baseline": baseline, "auto": auto})


def geometry_of(recipe: Recipe) -> Geometry:
    """What the images of a study are decoded to: the same for all its recipes."""
    return Geometry(recipe.pixels, recipe.channels, recipe.fit)


def stored_size(asked: StudyDefinition, image_size: int, source: Source) -> int | None:
    """Pixels to keep of each image: a quarter more than are seen, where random crops would show the detail.

    All runs of a study share the pixels, so it is one size for all of them; None where every run sees all of them.
    """
    largest = largest_size(asked, image_size)
    augments = [value for stage in asked.stages for value in _values(stage, "augment")]
    crop = any(crops(value) for value in (asked.baseline.augment, *augments))  # pyright: ignore[reportArgumentType]
    kept = math.ceil(largest * CROP_MARGIN / 8) * 8 if crop and source.detailed else largest
    one_size = not any(_values(stage, "image_size") for stage in asked.stages)
    return None if one_size and kept == image_size else kept


def largest_size(asked: StudyDefinition, image_size: int) -> int:
    """The most pixels that any run of the study looks at."""
    sizes = [int(str(value)) for stage in asked.stages for value in _values(stage, "image_size")]
    return max((image_size, *sizes))


def hard_bytes(asked: StudyDefinition, images: int) -> int:
    """What the largest fixed enlarged set of the study holds in memory, next to the data."""
    recipe = asked.baseline
    augments = [recipe.augment, *(value for stage in asked.stages for value in _values(stage, "augment"))]
    versions = max((augment.copies + 1 for augment in augments if isinstance(augment, Hard)), default=0)
    return versions * images * recipe.channels * largest_size(asked, recipe.image_size) ** 2


def check_heads(asked: StudyDefinition, source: Source) -> None:
    """Raises `UserError` when one head per part is asked for and the labels have no parts."""
    factored = asked.baseline.heads == "factored" or any(
        value == "factored" for stage in asked.stages for value in _values(stage, "heads")
    )
    if factored and not source.parts:
        raise UserError(
            f"heads factored needs labels that are a product, such as mask x gender x age; those of {source.name} are "
            "not; use data such as --data faces or a mask-contest folder without --target"
        )


def _values(stage: Stage, field: str) -> tuple[object, ...]:
    if stage.factor == field:
        return stage.domain.values()
    return stage.crossed.domain.values() if stage.crossed and stage.crossed.factor == field else ()
