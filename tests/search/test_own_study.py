"""A study with a loss of one's own, from one server to another, as real processes."""

from pathlib import Path

from search.edge import EXIT_INTERRUPTED, EXIT_MISTAKE, EXIT_REFUSED
from search.records import Resolved
from search.study import Study
from storage.store import Store
from tests.search.commands import SETTINGS, Outcome, run_command, start_command, wait_until

LOSS = """
import torch
from torch.nn import functional


def tempered(logits, labels, temperature=2.0):
    return functional.cross_entropy(logits / temperature, labels, reduction="none")
"""
ASKED = ("--study", "lr_aug", *SETTINGS, "--trials", "2", "--workers", "1")
OWN = ("--set", "baseline.loss=custom:my_losses.py:tempered(temperature=3)")


def test_code_of_ones_own_runs_elsewhere_only_when_it_is_the_same_file_or_trusted(tmp_path: Path) -> None:
    """Nobody has trained yet when the trusting launch joins: its workers run what the database holds."""
    home, other = tmp_path / "home", tmp_path / "다른 서버"
    for folder in (home, other):
        folder.mkdir()
    (home / "my_losses.py").write_text(LOSS, encoding="utf-8", newline="\n")
    database = ("--storage", f"sqlite:///{(tmp_path / 'ceteris.db').as_posix()}")
    store = Store.connect(database[1])
    begun = start_command("search.launch", *ASKED, *OWN, *database, cwd=home, log=tmp_path / "log")
    wait_until(lambda: "database" in (tmp_path / "log").read_text(encoding="utf-8"))
    wait_until(lambda: (found := store.manifest("lr_aug")) and store.workers(Study.of(store, found).study_id))
    begun.terminate()
    assert begun.wait(60) == EXIT_INTERRUPTED

    def launch(*more: str) -> Outcome:
        return run_command("search.launch", *ASKED, *OWN, *database, "--quiet", *more, cwd=other)

    without = launch()
    assert (without.code, len(without.err.strip().splitlines())) == (EXIT_MISTAKE, 1)
    assert "--trust-code" in without.err
    (other / "my_losses.py").write_text(LOSS + "# changed\n", encoding="utf-8", newline="\n")
    changed = launch("--trust-code")
    assert changed.code == EXIT_REFUSED, "a file that lies here comes before what is kept"
    assert "another definition" in changed.err
    (other / "my_losses.py").unlink()
    manifest = store.manifest("lr_aug")
    assert manifest is not None
    (kept,) = Resolved.model_validate_json(manifest.resolved).code
    assert (kept.file, kept.text) == ("my_losses.py", LOSS)
    joined = launch("--trust-code")
    assert joined.code == 0, joined.err
    assert "Answer" in joined.out
    assert not list(other.glob("my_losses.py")), "what is kept is put beside the runs, not among the user's files"
