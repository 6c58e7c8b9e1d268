"""Bad input: one clear line with the line that would work, a documented exit code, no traceback, nothing lost."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from search import delete, launch, status
from search import list as listing
from search.edge import EXIT_MISTAKE, EXIT_PREFLIGHT, EXIT_REFUSED, EXIT_UNREACHABLE
from search.folder import file_name
from search.study import Study
from storage.store import Store
from storage.urls import sqlite_url
from tests.search.commands import SETTINGS, Outcome, command, environment, invoke

Launch = Callable[..., Outcome]


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Launch:
    """`search.launch` in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CETERIS_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str) -> Outcome:
        return invoke(launch.main, *arguments, monkeypatch=monkeypatch, capsys=capsys)

    return run


def is_one_clear_line(outcome: Outcome, code: int, *parts: str) -> None:
    assert outcome.code == code, outcome
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("error: ")
    for part in parts:
        assert part in lines[0], lines[0]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ((), ("say which study: --study lr_aug",)),
        (("--study", "lr_agu"), ("'lr_agu'", "did you mean --study lr_aug?")),
        (("--study", "lr_aug", "--backbone", "resnet81"), ("'resnet81'", "did you mean", "resnet18")),
        (("--study", "lr_aug", "--set", "baseline.backbone=test_resnett"), ("did you mean test_resnet",)),
        (("--study", "lr_aug", "--set", "baseline.epochs"), ("is not path=value", "baseline.epochs=30")),
        (("--study", "lr_aug", "--set", "baseline.epoch=3"), ("did you mean epochs?",)),
        (("--study", "lr_aug", "--set", "baseline.epochs=2"), ("use epochs 4 or more",)),
        (
            ("--study", "lr_aug", "--data", "no-such-folder"),
            ("no-such-folder", "give digits or faces (built in), a folder"),
        ),
        (("--study", "lr_aug", "--data", "digit"), ("did you mean digits",)),
        (("--study", "lr_aug", "--name", "../up"), ("study name", "would do")),
        (("--study", "lr_aug", "--name", "a\x00b"), ("study name",)),
        (("--study", "lr_aug", "--storage", "nonsense"), ("not a storage URL", "sqlite:///file.db or postgresql://")),
        (("--study", "lr_aug", "--storage", "mysql://x/y"), ("not supported", "postgresql://")),
        (("--study", "lr_aug", "--weights", "none.pth"), ("cannot read the weights file none.pth",)),
        (("--study", "lr_aug", "--device", "tpu"), ("'tpu'", "auto, cpu")),
        (("--study", "lr_aug", "--workers", "0"), ("--workers", "--help")),
        (
            ("--study", "lr_aug", "--backbone", "test_convnext"),
            ("test_convnext cannot be trained", "16 px", "image_size=32"),
        ),
        (("--stuby", "lr_aug"), ("--stuby", "--study")),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else None,
)
def test_a_mistake_is_one_line_that_says_what_would_work(
    launched: Launch, arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    is_one_clear_line(launched(*arguments), EXIT_MISTAKE, *parts)


def test_a_dead_database_is_told_within_ten_seconds_without_the_password(launched: Launch) -> None:
    with socket.socket() as listening:  # accepts, and never answers
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        port = listening.getsockname()[1]
        for url in (f"postgresql://me:s3cret@127.0.0.1:{port}/x", "postgresql://me:s3cret@127.0.0.1:1/x"):
            began = time.monotonic()
            outcome = launched("--study", "lr_aug", "--storage", url)
            assert time.monotonic() - began < 20, "the database's 10 s and the start of this process"
            is_one_clear_line(outcome, EXIT_UNREACHABLE)
            assert "s3cret" not in outcome.err + outcome.out


def test_a_runs_folder_that_cannot_be_written_is_named(launched: Launch, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder", encoding="utf-8")
    is_one_clear_line(
        launched("--study", "lr_aug", "--runs", str(tmp_path / "taken" / "runs")),
        EXIT_MISTAKE,
        "cannot write in",
        "--runs",
    )


def make_photos(folder: Path, classes: tuple[str, ...] = ("cat", "dog"), count: int = 12) -> Path:
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            image = Image.new("RGB", (20, 20), (40 * number, 10 * index, 100))
            image.save(folder / name / f"{index}.png")
    return folder


def test_an_empty_data_folder_is_named(launched: Launch, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    is_one_clear_line(launched("--study", "lr_aug", "--data", "photos"), EXIT_MISTAKE, "photos")


def test_all_broken_images_are_named_at_once_and_once_repaired_the_same_line_works(
    launched: Launch, tmp_path: Path
) -> None:
    photos = make_photos(tmp_path / "photos")
    broken = [photos / "cat" / f"{number}.png" for number in range(12)]
    kept = [file.read_bytes() for file in broken]
    for file in broken:
        file.write_bytes(b"not a picture")
    line = ["--study", "lr_aug", "--data", "photos"]
    outcome = launched(*line)
    is_one_clear_line(outcome, EXIT_MISTAKE, *(f"{number}.png" for number in range(12)))
    store = Store.connect(sqlite_url(tmp_path / "runs" / "ceteris.db"))
    assert store.studies() == [], "nothing was created, so nothing stands in the way of the repaired data"
    store.close()
    for file, payload in zip(broken, kept, strict=True):
        file.write_bytes(payload)
    assert launched(*line, "--plan").code == 0


def test_a_study_that_cannot_be_trained_is_not_created(launched: Launch, tmp_path: Path) -> None:
    for arguments in (["--backbone", "test_convnext"], ["--set", "baseline.weights=sha256:" + "0" * 64]):
        outcome = launched("--study", "lr_aug", "--quiet", *arguments)
        assert outcome.code == EXIT_MISTAKE
        assert outcome.err.count("\n") == 1
    store = Store.connect(sqlite_url(tmp_path / "runs" / "ceteris.db"))
    assert store.studies() == []
    store.close()


def test_a_gpu_that_is_asked_for_and_not_there_stops_before_anything_is_created(
    launched: Launch, tmp_path: Path
) -> None:
    if torch.cuda.is_available():
        return  # then the wish is granted
    is_one_clear_line(launched("--study", "lr_aug", "--device", "cuda"), EXIT_PREFLIGHT, "gpu", "--device cpu")


def test_a_baseline_that_diverges_can_still_be_planned(launched: Launch) -> None:
    assert launched("--study", "lr_aug", "--set", "baseline.lr=10000", "--plan").code == 0


def test_joining_on_other_data_is_refused_before_any_trial(launched: Launch, tmp_path: Path) -> None:
    make_photos(tmp_path / "mine")
    make_photos(tmp_path / "elsewhere" / "mine", classes=("cat", "dog", "owl"))
    created = launched("--study", "lr_aug", "--data", "mine", "--plan")
    assert created.code == 0
    made = create_only(tmp_path, "mine")
    refused = launched("--study", "lr_aug", "--data", "elsewhere/mine")
    is_one_clear_line(refused, EXIT_REFUSED, "other data", "--name lr_aug-mine-2")
    assert made.store.runs(made.study_id) == []


def create_only(folder: Path, data: str) -> Study:
    """Create the study as launch does, without running it."""
    from search.join import Asked, create_or_join, facts_of
    from search.resolve import resolve
    from spaces.lr_aug import LR_AUG
    from trainer.data import open_source

    source = open_source(str(folder / data))
    store = Store.connect(f"sqlite:///{(folder / 'runs' / 'ceteris.db').as_posix()}")
    resolved = resolve(LR_AUG, source, "fp32")
    facts = facts_of(source, LR_AUG.test_fraction)
    return create_or_join(store, Asked(f"lr_aug-{data}", LR_AUG, resolved, data, source.digest, facts))[0]


def test_ones_own_photos_right_after_digits_get_a_study_of_their_own(launched: Launch, tmp_path: Path) -> None:
    from search.ask import default_name

    assert default_name("lr_aug", "digits") == "lr_aug"
    assert default_name("lr_aug", str(tmp_path / "내 사진")) == "lr_aug-내-사진"
    make_photos(tmp_path / "photos")
    outcome = launched("--study", "lr_aug", "--data", "photos", "--plan")
    assert outcome.code == 0
    assert "at most 124 runs" in outcome.out


def test_plan_only_starts_nothing(launched: Launch, tmp_path: Path) -> None:
    outcome = launched("--study", "lr_aug", *SETTINGS, "--plan")
    assert outcome.code == 0
    assert "runs at most" in outcome.out
    assert not list(tmp_path.glob("runs/20*"))


def test_an_absent_study_is_answered_with_what_there_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    make_photos(tmp_path / "photos")
    nothing = invoke(status.main, "--name", "lr_aug", monkeypatch=monkeypatch, capsys=capsys)
    is_one_clear_line(nothing, EXIT_MISTAKE, "no study in", "search.launch --study lr_aug")
    create_only(tmp_path, "photos")
    near = invoke(delete.main, "--name", "lr_aug-photo", "--yes", monkeypatch=monkeypatch, capsys=capsys)
    is_one_clear_line(near, EXIT_MISTAKE, "did you mean --name lr_aug-photos?")
    listed = invoke(listing.main, monkeypatch=monkeypatch, capsys=capsys)
    assert "lr_aug-photos" in listed.out


def test_settings_come_from_the_command_line_then_the_environment_then_the_files(
    launched: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from search.settings import read_files

    (tmp_path / "ceteris.toml").write_text('data = "a"\nworkers = 3\n', encoding="utf-8")
    (tmp_path / "ceteris.local.toml").write_text('data = "b"\nwait-for-db = 5\n', encoding="utf-8")
    assert read_files(tmp_path) == {"data": "b", "workers": 3, "wait_for_db": 5}
    (tmp_path / "ceteris.toml").write_text('data = "digits"\nplan = true\n', encoding="utf-8")
    is_one_clear_line(launched("--study", "lr_aug"), EXIT_MISTAKE, "ceteris.toml has no setting 'plan'")
    (tmp_path / "ceteris.toml").write_text("data = = 1", encoding="utf-8")
    is_one_clear_line(launched("--study", "lr_aug"), EXIT_MISTAKE, "ceteris.toml is not TOML")
    (tmp_path / "ceteris.toml").write_text('data = "nowhere"\n', encoding="utf-8")
    (tmp_path / "ceteris.local.toml").unlink()
    is_one_clear_line(launched("--study", "lr_aug"), EXIT_MISTAKE, "'nowhere'")
    monkeypatch.setenv("CETERIS_DATA", "elsewhere")
    is_one_clear_line(launched("--study", "lr_aug"), EXIT_MISTAKE, "'elsewhere'")
    is_one_clear_line(launched("--study", "lr_aug", "--data", "here"), EXIT_MISTAKE, "'here'")


def test_help_answers_without_loading_torch() -> None:
    lines = ["import sys", "sys.argv = ['x', '--help']", "from search import edge, launch"]
    code = "\n".join([*lines, "try:", "    edge.run(launch.main)", "finally:", "    print('torch' in sys.modules)"])
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    out = done.stdout.decode("utf-8", "replace")
    assert "Exit codes" in out
    assert out.strip().endswith("False")


def test_a_bug_keeps_its_traceback(tmp_path: Path) -> None:
    code = "import click\nfrom search import edge\n@click.command('x')\ndef main():\n    {}['bug']\nedge.run(main)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert b"KeyError: 'bug'" in done.stderr


def test_a_wrong_trainer_package_on_the_path_is_named(tmp_path: Path) -> None:
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "__init__.py").write_text("", encoding="utf-8")
    env = environment()
    env["PYTHONPATH"] = os.pathsep.join((str(tmp_path), env["PYTHONPATH"]))
    done = subprocess.run(
        command("search.launch", "--study", "lr_aug"),
        cwd=tmp_path,
        env=env,
        capture_output=True,
        timeout=60,
        check=False,
    )
    err = done.stderr.decode("utf-8", "replace")
    assert done.returncode == EXIT_MISTAKE, err
    assert err.count("\n") == 1
    assert str(tmp_path / "trainer") in err


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("lr-0.002", "lr-0.002"),
        ("a/b\\c:d", "a_b_c_d"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("  ", "unnamed"),
        ("사진 1", "사진_1"),
        ("..", "unnamed"),
    ],
)
def test_any_text_becomes_a_file_name_for_every_system(text: str, name: str) -> None:
    assert file_name(text) == name
