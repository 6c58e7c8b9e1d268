"""Code of the user's own: found by digest, run once, refused in one line."""

import hashlib
import sys
from pathlib import Path

import pytest

from trainer.custom import CustomError, load_custom, load_custom_net
from trainer.loss_choices import CustomLoss

TEXT = """
from dataclasses import dataclass

print_count = 0

@dataclass
class Mine:
    gamma: float = 1.0

def function(logits, labels):
    return logits

value = 3
"""


def written(folder: Path, text: str = TEXT) -> tuple[CustomLoss, dict[str, Path]]:
    file = folder / "한글 폴더" / "my_losses.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{text}\n# of {folder.name}", encoding="utf-8")  # no test finds the code of another one loaded
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return CustomLoss(file="my_losses.py", name="Mine", digest=digest), {digest: file}


def refusal(choice: CustomLoss, files: dict[str, Path]) -> str:
    with pytest.raises(CustomError) as error:
        load_custom(choice, files)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_class_and_a_function_are_found_by_name(tmp_path: Path) -> None:
    choice, files = written(tmp_path)
    assert load_custom(choice, files)(gamma=2).gamma == 2
    assert load_custom(choice.model_copy(update={"name": "function"}), files)(1, 2) == 1


def test_a_backbone_is_named_in_one_text(tmp_path: Path) -> None:
    choice, files = written(tmp_path)
    assert load_custom_net(f"custom:my_losses.py:Mine@{choice.digest}", files) is load_custom(choice, files)


def test_a_file_runs_once_per_process_however_often_it_is_named(tmp_path: Path) -> None:
    counted = tmp_path / "count"
    choice, files = written(tmp_path, TEXT + f"\nopen({str(counted)!r}, 'a', encoding='utf-8').write('x')\n")
    assert load_custom(choice, files) is load_custom(choice, files)
    assert counted.read_text(encoding="utf-8") == "x"


def test_a_changed_file_is_not_run(tmp_path: Path) -> None:
    choice, files = written(tmp_path)
    files[choice.digest].write_text("raise SystemExit", encoding="utf-8")
    said = refusal(choice.model_copy(update={"name": "Other"}), files)
    assert "is not the file the recipe names" in said
    assert choice.digest in said


def test_what_cannot_be_used_is_refused_in_one_line(tmp_path: Path) -> None:
    choice, files = written(tmp_path)
    assert "say where that file is" in refusal(choice, {})
    assert "no class or function 'Moin': it has Mine, function" in refusal(
        choice.model_copy(update={"name": "Moin"}), files
    )
    assert "no class or function 'value'" in refusal(choice.model_copy(update={"name": "value"}), files)
    gone = {choice.digest: tmp_path / "gone.py"}
    fresh = choice.model_copy(update={"digest": hashlib.sha256(b"another").hexdigest()})
    assert "cannot be read (No such file" in refusal(fresh, {fresh.digest: gone[choice.digest]})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1\nraise KeyError('no')", "my_losses.py, line 2 cannot be run (KeyError: 'no')"),
        ("x = 1\ndef f(:\n", "my_losses.py, line 2 cannot be run (SyntaxError"),
        ("import nonesuch", "my_losses.py, line 1 cannot be run (ModuleNotFoundError: No module named 'nonesuch')"),
    ],
)
def test_a_file_that_fails_says_where(tmp_path: Path, text: str, says: str) -> None:
    assert says in refusal(*written(tmp_path, text))


def test_a_file_that_leans_on_another_one_beside_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change in the other file would change the runs and not their identity."""
    choice, files = written(tmp_path, "import beside_it_module\nMine = beside_it_module.dict")
    (files[choice.digest].parent / "beside_it_module.py").write_text("dict = dict", encoding="utf-8")
    monkeypatch.syspath_prepend(str(files[choice.digest].parent))
    assert "imports beside_it_module.py that lies beside it" in refusal(choice, files)
    sys.modules.pop("beside_it_module", None)
