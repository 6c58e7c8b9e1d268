"""The project's own files agree with each other."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

HOME = Path(__file__).resolve().parents[2]
PACKAGES = ("search", "spaces", "storage", "trainer")
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))
CONSTRAINTS = (HOME / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = [line for line in CONSTRAINTS if line and not line.startswith("#")]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements() -> list[Requirement]:
    files = [HOME / f"requirements{part}.txt" for part in ("", "-dev", "-bench", "-server", "-slurm", "-docs")]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_every_package_of_the_code_is_listed_for_installation() -> None:
    found = {
        init.parent.relative_to(HOME).as_posix().replace("/", ".")
        for top in PACKAGES
        for init in (HOME / top).rglob("__init__.py")
    }
    assert found == set(PROJECT["tool"]["setuptools"]["packages"])


def test_every_pin_is_an_exact_version_and_nothing_else() -> None:
    unfit = [line for line in PINS if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)]
    assert unfit == []
    assert not [line for line in CONSTRAINTS if "://" in line or line.startswith("-") or "file:" in line]


def test_no_package_is_pinned_twice() -> None:
    names = [plain(line.partition("==")[0]) for line in PINS]
    assert len(names) == len(set(names))


def test_every_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    pins = {plain(line.partition("==")[0]): line.partition("==")[2] for line in PINS}
    for requirement in requirements():
        assert requirement.specifier.contains(pins[plain(requirement.name)]), requirement


def test_what_is_imported_is_required() -> None:
    """A package that comes along with another one may be gone with its next release."""
    known = {"PIL": "pillow", "pynvml": "nvidia-ml-py", "sklearn": "scikit-learn"}
    required = {plain(requirement.name) for requirement in requirements()}
    found = {name for top in PACKAGES for file in (HOME / top).rglob("*.py") for name in imported_by(file)}
    strangers = found - {*PACKAGES, *sys.stdlib_module_names}
    assert {plain(known.get(name, name)) for name in strangers} <= required


def imported_by(file: Path) -> Iterator[str]:
    """The top-level names that a file imports anywhere."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def test_the_commands_of_the_makefile_call_python_modules_never_scripts_of_the_environment() -> None:
    """A script in .venv/bin begins with the path of its Python, which may not hold a space."""
    makefile = (HOME / "Makefile").read_text(encoding="utf-8")
    assert set(re.findall(r"\.venv/bin/(\w+)", makefile)) == {"python"}
    assert "CURDIR" not in makefile
