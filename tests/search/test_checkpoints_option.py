"""A place for checkpoints that will not do is told before anything is trained."""

from pathlib import Path

from storage.store import Store
from storage.urls import sqlite_url
from tests.search.commands import SETTINGS, run_command


def test_a_place_that_cannot_be_written_is_one_line_and_nothing_is_started(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    told = run_command("search.launch", "--study", "lr_aug", *SETTINGS, "--checkpoints", "file/below", cwd=tmp_path)
    assert told.code == 2, told.err
    (line,) = told.err.strip().splitlines()
    assert line.startswith("error: ")
    assert "give a folder that can be written" in line
    store = Store.connect(sqlite_url(tmp_path / "runs" / "ceteris.db"))
    assert store.studies() == []
    store.close()
