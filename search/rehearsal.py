"""What may turn out not to work is tried on a few images, before anything is written."""

from spaces.stage import scientific_values
from spaces.study import StudyDefinition
from trainer.custom import Files
from trainer.data import Dataset
from trainer.pace import measure
from trainer.recipe import Recipe

MAY_NOT_FIT = frozenset({"weights", "image_size", "normalise", "stem", "heads", "head_init", "dropout", "drop_path"})
IMAGES = 8


def rehearse(definition: StudyDefinition, data: Dataset, files: Files) -> None:
    """One step of every contender that is code of the user's own, or changes the net. Raises what it is refused with.

    On the device of `data`. The baseline itself is not tried here.
    """
    baseline = definition.baseline
    for stage in definition.stages:
        for setting in scientific_values(stage, baseline)[1:]:
            recipe = baseline.model_copy(update=setting.changes)
            if MAY_NOT_FIT.intersection(stage.asks) or recipe.files - baseline.files:
                measure(_small(recipe), data, data.device, files, images=IMAGES)


def _small(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"batch_size": min(recipe.batch_size, IMAGES)})
