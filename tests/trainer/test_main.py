"""`python -m trainer` as a user meets it: a process, an exit status, lines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.__main__ import main

ROOT = Path(__file__).parents[2]
QUICK = '{"epochs": 3, "decay_epochs": 1, "epoch_images": 128}'


def trainer(*arguments: object) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp949"}
    return subprocess.run(
        [sys.executable, "-m", "trainer", *map(str, arguments)],
        cwd=ROOT, env=environment, capture_output=True, text=True, encoding="cp949", timeout=120,
    )  # fmt: skip


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "레시피.json"
    file.write_text(QUICK, encoding="utf-8")
    return file


def test_one_line_per_epoch_and_a_final_one(recipe: Path) -> None:
    done = trainer(recipe)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[2] for line in lines[:-1]] == ["warm-up", "constant", "decay"]
    assert lines[-1].startswith("finished: macro_f1 0.")


def test_own_photos_train(recipe: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(recipe), "--data", str(photos)]) == 0
    assert capsys.readouterr().err == ""


def test_a_diverged_run_says_so(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe.write_text('{"lr": 10000, "optimizer": {"kind": "adamw", "weight_decay": 10}}', encoding="utf-8")
    assert main([str(recipe)]) == 1
    assert "diverged in epoch" in capsys.readouterr().out


def test_a_wrong_recipe_is_one_line_and_status_2_to_the_shell_too(recipe: Path) -> None:
    recipe.write_text('{"lr": -1}', encoding="utf-8")
    done = trainer(recipe)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


@pytest.mark.parametrize(
    ("text", "arguments", "says"),
    [
        ('{"lr": -1}', [], "lr = -1 is refused"),
        ("{", [], "is not JSON"),
        ('{"backbone": "tst_resnet"}', [], "did you mean test_resnet"),
        (QUICK, ["--data", "digit"], "did you mean digits?"),
        (QUICK, ["--device", "toaster"], "device toaster cannot be used"),
        (QUICK, ["--replicate", "-1"], "numbers start at 0"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_line(
    recipe: Path, text: str, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe.write_text(text, encoding="utf-8")
    assert main([str(recipe), *arguments]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert len(said.err.splitlines()) == 1
    assert said.out == ""


def test_a_backbone_that_its_first_images_are_too_small_for_is_one_line(recipe: Path) -> None:
    recipe.write_text('{"backbone": "test_convnext", "image_size": 16}', encoding="utf-8")
    done = trainer(recipe)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    for said in ("test_convnext", "16 px", "Kernel size can't be greater than actual input size", "try another"):
        assert said in done.stderr


def test_a_missing_recipe_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.json")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_recipe_is_validated_without_loading_torch() -> None:
    code = "import sys; import trainer.recipe, trainer.replicate; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert done.stdout.split() == ["False", "False"]
