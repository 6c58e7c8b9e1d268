"""What the documents show is run; what they list is complete."""

import hashlib
import re
import runpy
from pathlib import Path

import pytest
import torch

import spaces
from spaces import catalog
from trainer.custom import named
from trainer.data import Dataset, Geometry, load, open_source
from trainer.recipe import Choice, CustomAugment, CustomLoss, Recipe, arms_of
from trainer.replicate import Replicate
from trainer.run import Run

DOCS = Path(__file__).resolve().parents[2] / "docs"
OWN = (DOCS / "own.md").read_text(encoding="utf-8")
RECIPES = (DOCS / "recipes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", OWN, re.DOTALL)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(open_source("digits"), Geometry(16, 1))


def block(first_line: str, folder: Path) -> Path:
    """The code of own.md that begins with the comment `# name.py`, as that file."""
    (text,) = [block for block in BLOCKS if block.startswith(f"# {first_line}\n")]
    file = folder / Path(first_line).name
    file.write_text(text, encoding="utf-8")
    return file


def trains(recipe: Recipe, file: Path, digits: Dataset) -> float:
    files = {hashlib.sha256(file.read_bytes()).hexdigest(): file}
    run = Run(recipe, Replicate.numbered(0), digits, torch.device("cpu"), files=files)
    return max(epoch.score for epoch in run)


SMALL = Recipe(epochs=4, decay_epochs=1, epoch_images=600, lr=0.004)


def test_the_notebook_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (text,) = [block for block in BLOCKS if "for loss in" in block]
    assert len(text.splitlines()) <= 11
    (tmp_path / "notebook.py").write_text(text, encoding="utf-8")
    runpy.run_path(str(tmp_path / "notebook.py"))
    printed = capsys.readouterr().out
    assert printed.startswith("cross_entropy ['0.")
    assert "focal(2) ['0." in printed


def test_the_loss_of_the_example_trains(tmp_path: Path, digits: Dataset) -> None:
    file = block("my_losses.py", tmp_path)
    loss = named(CustomLoss, file, "Tempered", temperature=4)
    assert trains(SMALL.model_copy(update={"loss": loss}), file, digits) > 0.5


def test_the_augmentation_of_the_example_trains(tmp_path: Path, digits: Dataset) -> None:
    file = block("my_augments.py", tmp_path)
    augment = named(CustomAugment, file, "Fog", most=0.3)
    assert trains(SMALL.model_copy(update={"augment": augment}), file, digits) > 0.5


def test_the_backbone_of_the_example_trains(tmp_path: Path, digits: Dataset) -> None:
    file = block("my_nets.py", tmp_path)
    backbone = f"custom:my_nets.py:Tiny@{hashlib.sha256(file.read_bytes()).hexdigest()}"
    assert trains(SMALL.model_copy(update={"backbone": backbone, "lr": 0.03}), file, digits) > 0.1


def test_the_study_of_the_example_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block("spaces/smoothing.py", tmp_path)
    monkeypatch.setattr(spaces, "__path__", [*spaces.__path__, str(tmp_path)])
    assert catalog.found()["smoothing"].question == "How much label smoothing?"


def test_every_field_every_kind_and_every_study_is_in_the_documents() -> None:
    listed = {"custom", *re.findall(r"^\| `(\w+)`", RECIPES, re.MULTILINE)}
    assert set(Recipe.model_fields) - listed == set()
    assert {kind for kind in arms_of(Choice) if f"`{kind}`" not in RECIPES} == set()
    assert set(catalog.DEFINITIONS) - listed == set()


def test_the_defaults_in_the_documents_are_the_defaults() -> None:
    shown = dict(re.findall(r"^\| `(\w+)` \| `?([\w.]+)`? \|", RECIPES, re.MULTILINE))
    for field in (
        "batch_size",
        "epochs",
        "epoch_images",
        "lr",
        "warmup_epochs",
        "decay_epochs",
        "ema_epochs",
        "dropout",
    ):
        assert float(shown[field]) == getattr(Recipe(), field), field
    for field in ("fit", "normalise", "stem", "heads", "head_init", "sampling", "metric", "backbone"):
        assert shown[field] == getattr(Recipe(), field), field
