"""What a study looks up once: how many pixels are kept, and what the data cannot answer."""

from dataclasses import replace

import numpy as np
import pytest

from search.candidates import screen_candidates
from search.edge import UserError
from search.resolve import geometry_of, resolve
from spaces.catalog import DEFINITIONS
from spaces.overrides import override
from spaces.stage import scientific_values
from trainer.data import Geometry, Source, open_source
from trainer.sources.source import Part

DIGITS = open_source("digits")
PHOTOS = replace(DIGITS, default_image_size=64, default_channels=3, detailed=True)
PARTS = (Part("half", ("low", "high")), Part("rest", tuple("01234")))


def kept(study: str, source: Source, *settings: str) -> tuple[int, int | None]:
    baseline = resolve(override(DEFINITIONS[study], settings), source, "fp32").baseline
    return baseline.image_size, baseline.stored_size


def test_pictures_are_kept_at_the_size_they_are_seen() -> None:
    assert kept("lr_aug", PHOTOS) == (64, None)
    assert kept("lr_aug", DIGITS) == (16, None)


def test_photos_keep_a_quarter_more_where_random_crops_are_tried() -> None:
    assert kept("augment", PHOTOS) == (64, 80)
    assert kept("lr_aug", PHOTOS, 'baseline.augment={"kind":"random_resized_crop"}') == (64, 80)
    assert kept("augment", DIGITS) == (16, None), "8 pixels have no more detail than 16"


def test_the_largest_image_size_of_a_study_is_kept_for_all() -> None:
    assert kept("image_size", DIGITS) == (16, 64)
    assert kept("image_size", PHOTOS) == (64, 64), "written out, for the smaller ones share it"
    assert kept("image_size", PHOTOS, "stages.image_size.domain.choices=[32,128]") == (64, 128)


def test_a_size_set_by_hand_holds_and_must_be_large_enough() -> None:
    assert kept("augment", PHOTOS, "baseline.stored_size=96") == (64, 96)
    with pytest.raises(UserError, match="stored_size 48 is below the largest image size of the study, 64"):
        kept("image_size", DIGITS, "baseline.stored_size=48")


def test_the_geometry_is_that_of_the_pixels_kept() -> None:
    baseline = resolve(override(DEFINITIONS["augment"], ("baseline.fit=pad",)), PHOTOS, "fp32").baseline
    assert geometry_of(baseline) == Geometry(80, 3, "pad")


@pytest.mark.parametrize("study", sorted(set(DEFINITIONS) - {"heads"}))
@pytest.mark.parametrize("source", [DIGITS, PHOTOS], ids=["digits", "photos"])
def test_every_recipe_of_every_study_can_be_trained_on_the_pixels_that_are_kept(study: str, source: Source) -> None:
    definition = resolve(DEFINITIONS[study], source, "fp32")
    geometry = geometry_of(definition.baseline)
    for stage in definition.stages:
        for candidate in screen_candidates(stage, definition.baseline, definition.baseline.lr):
            assert geometry_of(candidate.recipe) == geometry, candidate.label
        labels = {
            candidate.label for candidate in screen_candidates(stage, definition.baseline, definition.baseline.lr)
        }
        assert len(labels) == len(scientific_values(stage, definition.baseline)), "none is left out silently"


def test_one_head_per_part_needs_labels_with_parts() -> None:
    for study, settings in (("heads", ()), ("lr_aug", ("baseline.heads=factored",))):
        with pytest.raises(UserError, match="heads factored needs labels that are a product"):
            kept(study, DIGITS, *settings)
    assert kept("heads", replace(DIGITS, parts=PARTS)) == (16, None)
    assert np.array_equal(DIGITS.labels, replace(DIGITS, parts=PARTS).labels)


def test_only_delta_and_noise_stay_to_be_measured() -> None:
    assert resolve(DEFINITIONS["lr_aug"], DIGITS, "bf16").auto == ("delta", "noise")
