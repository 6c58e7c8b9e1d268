"""docs/use.md says what the code does: its plain lines load every model, and its worked example runs."""

import ast
import re
import shlex
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import click
import pytest
import torch

from search import export_model, predict, split, submission
from tests.search.commands import ROOT, invoke, run_command
from tests.trainer.painted import paint
from trainer.answering import Answerer
from trainer.backbone import build
from trainer.exported import About, Model, PartOfLabel, read, write
from trainer.heads import sizes_of
from trainer.rebuilt import architecture_of, net_of, stem_of
from trainer.recipe import RECIPE_VERSION, Recipe
from trainer.sources.mask_labels import CLASS_NAMES, PARTS
from trainer.sources.pictures import FilePictures

PAGE = (ROOT / "docs" / "use.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(python)?\n(.*?)```", PAGE, re.DOTALL)
PLAIN = next(text for kind, text in BLOCKS if kind and text.startswith("import json"))
SCRIPT = next(text for kind, text in BLOCKS if kind and text.startswith("# make_pictures.py"))
EXAMPLE = next(text for kind, text in BLOCKS if not kind and text.startswith("python make_pictures.py"))


def untrained(recipe: Recipe, classes: tuple[str, ...] = ("cat", "dog", "owl")) -> Model:
    """A model of random weights, BatchNorm's included, that no other build would come to; its answers are unsure."""
    parts = PARTS if classes == CLASS_NAMES else ()
    net = build(recipe, len(classes), 7, parts=parts)
    draw = torch.Generator().manual_seed(len(classes) + recipe.image_size)
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d) and layer.running_mean is not None and layer.running_var is not None:
            layer.running_mean.normal_(0, 0.3, generator=draw)
            layer.running_var.uniform_(0.5, 1.5, generator=draw)
    heads = sizes_of(recipe, len(classes), parts)
    architecture = architecture_of(recipe, sum(heads))
    convolutions, removed = stem_of(recipe, architecture)
    weights = net.state_dict()
    about = About(
        recipe_version=RECIPE_VERSION,
        class_names=classes,
        heads=heads,
        parts=tuple(PartOfLabel(name=part.name, class_names=part.class_names) for part in parts),
        mean=(0.4, 0.5, 0.6)[: recipe.channels],
        std=(0.2, 0.25, 0.3)[: recipe.channels],
        channels=recipe.channels,
        stored_size=recipe.pixels,
        image_size=recipe.image_size,
        fit=recipe.fit,
        precision=recipe.precision,
        timm=architecture,
        convolutions=convolutions,
        removed=removed,
        weights_sha256="0" * 64,
        metric=recipe.metric,
        score=None,
        test_score=None,
        study="s",
        trial="confirm#0",
        data="painted",
        data_digest="0" * 64,
        versions={},
    )
    return Model(about, recipe, weights)


def plain(folder: Path, picture: Path) -> dict[str, float]:
    """What the lines of the page make of a model and a picture."""
    lines = PLAIN.replace('Path("model")', f"Path({str(folder)!r})").replace('"picture.png"', repr(str(picture)))
    namespace: dict[str, Any] = {}
    exec(compile(lines, "use.md", "exec"), namespace)
    return namespace["probabilities"]


def test_the_plain_lines_need_nothing_of_ceteris() -> None:
    imports = [node for node in ast.walk(ast.parse(PLAIN)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {each.name for node in imports if isinstance(node, ast.Import) for each in node.names}
    names |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} == {
        "json",
        "pathlib",
        "numpy",
        "timm",
        "torch",
        "PIL",
        "safetensors",
    }


@pytest.mark.parametrize(
    ("recipe", "classes"),
    [
        (Recipe(image_size=16), ("cat", "dog", "owl")),
        (Recipe(image_size=16, channels=3, stem="small", stored_size=24), ("cat", "dog", "owl")),
        (Recipe(image_size=16, channels=3, heads="factored"), CLASS_NAMES),
        (Recipe(backbone="resnet18", image_size=32, channels=3, stem="small"), ("cat", "dog")),
        (Recipe(backbone="test_vit", image_size=32, channels=3), ("cat", "dog")),
    ],
    ids=["grey", "small stem and stored larger", "several heads", "resnet18 without its pooling", "fixed size"],
)
def test_the_plain_lines_and_predict_answer_as_the_trained_net(
    tmp_path: Path, recipe: Recipe, classes: tuple[str, ...]
) -> None:
    model = untrained(recipe, classes)
    picture = paint(tmp_path / "picture.png", 3, (40, 30))
    write(model, tmp_path, "")
    answered = Answerer(net_of(model, {}), model.about, torch.device("cpu")).pictures(
        FilePictures([picture], ["picture.png"]), 1
    )
    trained = build(recipe, len(classes), 0, parts=model.about.label_parts).eval()
    trained.load_state_dict(dict(model.weights))
    twin = Answerer(trained, model.about, torch.device("cpu")).pictures(FilePictures([picture], ["picture.png"]), 1)
    assert (answered.probabilities == twin.probabilities).all()
    assert answered.probabilities.max() < 0.99
    lines = plain(tmp_path, picture)
    assert tuple(lines) == classes
    assert list(lines.values()) == pytest.approx(answered.probabilities[0].tolist(), abs=1e-5)
    assert prod(model.about.heads) == len(classes)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "make_pictures.py").write_text(SCRIPT, encoding="utf-8")
    yield tmp_path


def test_the_worked_example_leads_from_a_raw_folder_to_a_submission(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands: dict[str, click.Command] = {
        each.__name__.rpartition(".")[2]: each.main for each in (export_model, predict, split, submission)
    }
    printed = {}
    for line in EXAMPLE.splitlines():
        words = shlex.split(line)
        if words[1] == "make_pictures.py":
            exec(compile(SCRIPT, words[1], "exec"), {})
            continue
        name = words[2].removeprefix("search.")
        if name == "launch":  # workers are processes of their own
            done = run_command("search.launch", *words[3:], cwd=folder, timeout=500)
        else:
            done = invoke(commands[name], *words[3:], monkeypatch=monkeypatch, capsys=capsys)
        assert done.code == 0, f"{line}\n{done.out}{done.err}"
        printed[name] = done.out
    asked = (folder / "eval" / "info.csv").read_text(encoding="utf-8").splitlines()
    answered = (folder / "submission.csv").read_text(encoding="utf-8").splitlines()
    assert [row.partition(",")[0] for row in answered] == [row.partition(",")[0] for row in asked]
    assert answered[0] == "ImageID,ans"
    assert {row.partition(",")[2] for row in answered[1:]} <= {"0", "1", "2"}
    general = [row.split(",") for row in (folder / "answers.csv").read_text(encoding="utf-8").splitlines()]
    assert general[0] == ["file", "answer", "incorrect", "normal", "wear"]
    index = {name: str(number) for number, name in enumerate(general[0][2:])}
    assert {name: index[answer] for name, answer, *_ in general[1:]} == dict(row.split(",") for row in answered[1:])
    assert "0.61" in printed["submission"]
    name, _, *probabilities = general[1]
    lines = plain(folder / "model", folder / "eval" / "images" / name)
    assert list(lines.values()) == pytest.approx([float(value) for value in probabilities], abs=1e-5)
    assert read(folder / "model").about.data == "photos"


def test_every_option_of_predict_is_explained() -> None:
    told = {word for option in predict.main.params for word in option.opts if word.startswith("--")}
    shared = {"--storage", "--runs", "--checkpoints", "--quiet", "--follow-links", "--name"}
    assert {word for word in told - shared if f"`{word}" not in PAGE} == set()
