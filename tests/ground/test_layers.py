"""The import rules hold, and a planted violation of each of them is caught (on a copy of the code)."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
PACKAGES = ("search", "spaces", "storage", "trainer")
LINT = "from importlinter.cli import lint_imports_command as run; run()"


def copy_to(place: Path) -> Path:
    shutil.copy(HOME / "pyproject.toml", place)
    for name in PACKAGES:
        shutil.copytree(HOME / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def lint(place: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "utf8", "-c", LINT, "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=place, capture_output=True, encoding="utf-8", timeout=120)


def test_the_import_rules_hold(tmp_path: Path) -> None:
    ended = lint(copy_to(tmp_path))
    assert ended.returncode == 0, ended.stdout
    assert " 0 broken" in ended.stdout


PLANTED = [
    ("trainer/planted.py", "import search.edge", "search > spaces | storage > trainer"),
    ("storage/planted.py", "import spaces.domain", "search > spaces | storage > trainer"),
    ("spaces/planted.py", "import storage.names", "search > spaces | storage > trainer"),
    ("storage/planted.py", "def late():\n    import trainer.recipe", "storage imports neither trainer nor spaces"),
    ("storage/planted.py", "import torch", "storage imports neither trainer nor spaces"),
    ("spaces/planted.py", "from trainer import replicate", "spaces knows of trainer the recipe only"),
    ("spaces/planted.py", "import optuna", "spaces is pure data"),
    ("trainer/planted.py", "import sqlalchemy.orm", "trainer knows no optuna"),
    ("trainer/planted.py", "from click import echo", "trainer knows no optuna"),
    ("trainer/planted.py", "from timm.layers import BlurPool2d", "timm is imported in one place"),
    ("search/planted.py", "def late():\n    import timm", "timm is imported in one place"),
    ("trainer/recipe.py", "import numpy", "trainer.recipe needs pydantic only"),
    # indirect: the recipe, which spaces may import, reaches torch through a third file
    ("trainer/recipe.py", "import trainer.planted  # which imports torch", "spaces is pure data"),
]


@pytest.mark.parametrize(("file", "line", "rule"), PLANTED)
def test_a_planted_import_is_caught(tmp_path: Path, file: str, line: str, rule: str) -> None:
    place = copy_to(tmp_path)
    if "trainer.planted" in line:
        (place / "trainer" / "planted.py").write_text("import torch\n", encoding="utf-8")
    with (place / file).open("a", encoding="utf-8") as code:
        code.write(f"\n{line}\n")
    ended = lint(place)
    assert ended.returncode == 1
    broken = [text for text in ended.stdout.splitlines() if " BROKEN" in text]
    assert any(text.startswith(rule) for text in broken), ended.stdout


def test_the_recipe_loads_pydantic_and_nothing_heavy_so_that_help_answers_at_once() -> None:
    program = "import sys, trainer.recipe, trainer.replicate; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    ended = subprocess.run([sys.executable, "-c", program], cwd=HOME, capture_output=True, text=True, timeout=60)
    loaded = set(ended.stdout.split())
    assert "pydantic" in loaded, ended.stderr
    assert not loaded & {"torch", "torchvision", "timm", "numpy", "scipy", "sklearn", "PIL", "optuna", "sqlalchemy"}


@pytest.mark.parametrize("name", ["trainer", "search"])
def test_a_package_of_common_name_is_empty_at_its_top(name: str) -> None:
    assert (HOME / name / "__init__.py").read_text(encoding="utf-8").strip() == ""


def test_optunas_private_tables_are_named_in_one_file_of_storage() -> None:
    private = re.compile(r"optuna\.storages\._(?!base)")
    named = [
        file.relative_to(HOME).as_posix()
        for package in PACKAGES
        for file in (HOME / package).rglob("*.py")
        if private.search(file.read_text(encoding="utf-8"))
    ]
    assert set(named) <= {"storage/optuna_schema.py"}
