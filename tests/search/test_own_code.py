"""`custom:my_losses.py:MyLoss` on a command line: found, known by digest, kept with the study, run when trusted."""

import hashlib
import json
from pathlib import Path

import pytest

from search.edge import UserError
from search.own_code import OwnCode, StoredCode

TEXT = "def MyLoss(logits, labels):\n    return logits.mean()\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "my_losses.py"
    place.write_text(TEXT, encoding="utf-8", newline="\n")
    return place


DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()


def test_a_name_becomes_file_name_and_digest_wherever_it_stands(file: Path) -> None:
    code = OwnCode(())
    known = {"kind": "custom", "file": "my_losses.py", "name": "MyLoss", "digest": DIGEST, "settings": {}}
    assert code.expand("baseline.loss", "custom:my_losses.py:MyLoss") == known
    assert code.expand("x.choices", ["focal", f"custom:{file}:MyLoss"]) == ["focal", known]
    assert code.expand("baseline.backbone", "custom:my_losses.py:MyLoss") == f"custom:my_losses.py:MyLoss@{DIGEST}"
    assert code.found == {DIGEST: file.resolve()}


def test_settings_are_given_in_parentheses(file: Path) -> None:
    expanded = OwnCode(()).expand("loss", "custom:my_losses.py:MyLoss(gamma=2.5, mode=fast, on=true)")
    assert expanded["settings"] == {"gamma": 2.5, "mode": "fast", "on": True}


def test_what_is_no_code_is_left_alone() -> None:
    for value in ("focal", 3, None, {"kind": "focal", "gamma": 2}, ["none", {"kind": "flip"}], True):
        assert OwnCode(()).expand("baseline.loss", value) == value


def test_code_kept_with_the_study_runs_only_when_it_is_trusted_and_no_file_is_here(file: Path, tmp_path: Path) -> None:
    stored = {"my_losses.py": StoredCode(file="my_losses.py", digest=DIGEST, text=TEXT)}
    with_file = OwnCode((), stored, tmp_path / "code")
    with_file.expand("loss", "custom:my_losses.py:MyLoss")
    assert with_file.found[DIGEST] == file.resolve()
    file.unlink()
    with pytest.raises(UserError, match=r"no file my_losses.py here; give it with --code FILE.*--trust-code"):
        OwnCode(()).expand("loss", "custom:my_losses.py:MyLoss")
    trusting = OwnCode((), stored, tmp_path / "code")
    assert trusting.expand("loss", "custom:my_losses.py:MyLoss")["digest"] == DIGEST
    assert trusting.found[DIGEST].read_text(encoding="utf-8") == TEXT


def test_a_printed_line_joins_only_with_the_same_file(file: Path) -> None:
    asked = {"kind": "custom", "file": "my_losses.py", "name": "MyLoss", "digest": DIGEST, "settings": {}}
    code = OwnCode(())
    assert code.expand("loss", json.loads(json.dumps(asked))) == asked
    assert code.found
    net = f"custom:my_losses.py:MyLoss@{DIGEST}"
    assert OwnCode(()).expand("baseline.backbone", net) == net
    file.write_text(TEXT + "#", encoding="utf-8")
    for value in (asked, net):
        with pytest.raises(UserError, match="is not the one asked for"):
            OwnCode(()).expand("baseline.backbone", value)


def test_a_given_file_comes_before_one_that_lies_here(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "my_losses.py"
    other.parent.mkdir()
    other.write_text(TEXT + "# other", encoding="utf-8")
    assert OwnCode((other,)).expand("loss", "custom:my_losses.py:MyLoss")["digest"] != DIGEST


def test_what_is_found_is_kept_as_text(file: Path) -> None:
    code = OwnCode(())
    code.expand("loss", "custom:my_losses.py:MyLoss")
    assert code.texts() == (StoredCode(file="my_losses.py", digest=DIGEST, text=TEXT),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("custom:my_losses.py", "is not custom:FILE.py:NAME"),
        ("custom:my_losses:MyLoss", "is not custom:FILE.py:NAME"),
        ("custom:my_losses.py:MyLoss(2)", "'2' is not name=value"),
    ],
)
def test_a_mistake_is_one_line(file: Path, text: str, says: str) -> None:
    with pytest.raises(UserError) as error:
        OwnCode(()).expand("baseline.loss", text)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_backbone_takes_no_settings(file: Path) -> None:
    with pytest.raises(UserError, match="a backbone takes no settings"):
        OwnCode(()).expand("baseline.backbone", "custom:my_losses.py:MyLoss(depth=3)")


def test_a_file_that_is_no_text_or_too_large_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="is not UTF-8 text"):
        OwnCode(()).expand("loss", "custom:my_losses.py:MyLoss")
    file.write_bytes(b"#" * 1_000_001)
    with pytest.raises(UserError, match="at most 1,000,000 are kept"):
        OwnCode(()).expand("loss", "custom:my_losses.py:MyLoss")
