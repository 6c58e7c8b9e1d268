"""Several real worker processes on one study: exact, and nothing lost when one is killed."""

import re
from pathlib import Path

import optuna
import psutil

from search.fetching import fetch
from search.folder import RunFolder
from search.study import Study
from storage.checkpoints import checkpoints_at
from storage.rows import RunRow
from storage.store import Store
from tests.search.commands import SETTINGS, start_command, wait_until

# Runs long enough to be killed in their middle; every epoch is saved.
LONG = ["baseline.image_size=8", "baseline.epochs=25", "baseline.epoch_images=600", "patience=1000", "budgets.pilot=2"]
LONG_SETTINGS = [word for setting in LONG for word in ("--set", setting)]
DURABLE = ["--checkpoint-every", "0", "--lease-seconds", "3"]


def study_in(store: Store) -> Study | None:
    manifest = store.manifest("lr_aug")
    return Study.of(store, manifest) if manifest else None


def winners(out: str) -> list[str]:
    return re.findall(r"^\d-\w+ .*\(\d+/\d+/\d+/\d+\).*$", out, flags=re.MULTILINE)


def test_three_workers_one_of_them_killed_run_every_cell_once_and_all_launches_print_the_same_winners(
    database_url: str, tmp_path: Path
) -> None:
    line = ["--study", "lr_aug", *SETTINGS, "--set", "budgets.claims=1", "--trials", "4", "--storage", database_url]
    line += ["--lease-seconds", "3"]
    logs = [tmp_path / "server 0.log", tmp_path / "server 1.log"]
    servers = []
    for log, workers in zip(logs, ("2", "1"), strict=True):
        home = log.with_suffix("")
        home.mkdir()
        servers.append(start_command("search.launch", *line, "--workers", workers, cwd=home, log=log))
    store = Store.connect(database_url)
    victim = kill_a_worker_at_work(store)
    assert [server.wait(200) for server in servers] == [0, 0], "\n".join(
        log.read_text(encoding="utf-8") for log in logs
    )
    printed = [log.read_text(encoding="utf-8") for log in logs]
    assert "was killed (SIGKILL)" in printed[0] + printed[1]
    assert winners(printed[0]) == winners(printed[1])
    assert len(winners(printed[0])) == 3

    study = study_in(store)
    assert study is not None
    for phase in ("1-lr", "2-loss", "3-augment"):
        rows = store.runs(study.study_id, phase)
        assert len(rows) == 4
        assert len({(row.signature, row.replicate) for row in rows}) == 4
        stock = optuna.load_study(
            study_name=f"lr_aug/{phase}", storage=database_url.replace("postgresql://", "postgresql+psycopg://")
        )
        assert len(stock.trials) == 4
    rows = {row.trial_id: row for row in store.runs(study.study_id) if not row.reused}
    assert {row.state for row in rows.values()} <= {"COMPLETE", "PRUNED"}
    assert rows[victim.trial_id].attempt == 2
    assert rows[victim.trial_id].number == victim.number
    assert len(store.workers(study.study_id)) == 3 + 1, "the launcher of the killed one filled its place"
    assert len(store.verdicts(study.study_id)) == 3
    if not store.one_host:
        both_sides_have_weights_and_predictions(study, [log.with_suffix("") for log in logs])
    store.close()


def both_sides_have_weights_and_predictions(study: Study, homes: list[Path]) -> None:
    """Two servers without a folder in common: the answer's weights are the same on both, and so is all that is kept."""
    answers, found, fetched = set(), [], 0
    for home in homes:
        (file,) = home.glob("runs/*_lr_aug/weights/confirm-*.safetensors")
        answers.add((file.name, file.read_bytes()))
        folder = RunFolder.of(study, home / "runs")
        told = fetch(study, folder, checkpoints_at(folder.checkpoints, study.instance))
        assert told.elsewhere == []
        fetched += told.new_weights
        ended_well = {row.trial_id for row in study.store.runs(study.study_id) if row.stop in ("finished", "stalled")}
        assert told.predictions == told.new_predictions == len(ended_well)
        files = [*folder.predictions.iterdir(), *folder.checkpoints.rglob("*.ckpt")]
        found.append({file.relative_to(folder.path).as_posix(): file.read_bytes() for file in files})
    assert len(answers) == 1
    assert fetched > 0
    assert found[0].keys() == found[1].keys()
    assert found[0] == found[1]
    assert any("_test.npz" in name for name in found[0])


def test_a_killed_workers_trial_is_finished_by_another_under_its_number_from_the_last_checkpoint(
    database_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "launch.log"
    launch = start_command(
        "search.launch",
        "--study",
        "lr_aug",
        *LONG_SETTINGS,
        *DURABLE,
        "--storage",
        database_url,
        "--workers",
        "2",
        cwd=tmp_path,
        log=log,
    )
    store = Store.connect(database_url)
    try:
        victim = kill_in_the_middle(store)
        rescued: list[RunRow] = []

        def finished() -> bool:
            study = study_in(store)
            rescued[:] = (
                [row for row in store.runs(study.study_id, "pilot") if row.number == victim.number] if study else []
            )
            return bool(rescued) and rescued[0].state == "COMPLETE"

        wait_until(finished, 120)
        (row,) = rescued
        assert row.trial_id == victim.trial_id
        assert row.attempt == 2
        assert row.worker != victim.worker
        assert row.epochs == 25
        assert not [r for r in store.runs(study_in(store).study_id) if r.state == "FAIL"]  # type: ignore[union-attr]
        logs = "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("runs/*/logs/*.log"))
        resumed = re.search(rf"pilot #{victim.number} goes on after epoch (\d+)", logs)
        assert resumed is not None, logs
        assert int(resumed[1]) >= 2
        curve = store.curves(study_in(store).study_id, "pilot")[victim.number]  # type: ignore[union-attr]
        assert [epoch.epoch for epoch in curve] == list(range(1, 26))
        assert "was killed (SIGKILL)" in log.read_text(encoding="utf-8")
    finally:
        launch.terminate()
        launch.wait(60)
        store.close()


def kill_a_worker_at_work(store: Store) -> RunRow:
    """Wait for the first stage, and kill the worker of one of its trials."""
    found: list[tuple[RunRow, int]] = []

    def at_work() -> bool:
        study = study_in(store)
        workers = {w.worker_id: w.pid for w in store.workers(study.study_id)} if study else {}
        found[:] = [(row, workers[row.worker]) for row in running_rows(store) if row.phase == "1-lr" and row.worker]
        return bool(found)

    wait_until(at_work, 120)
    row, pid = found[0]
    psutil.Process(pid).kill()
    return row


def kill_in_the_middle(store: Store) -> RunRow:
    """Wait for a pilot trial with a few epochs, and kill its worker the hard way."""
    found: list[tuple[RunRow, int]] = []

    def under_way() -> bool:
        study = study_in(store)
        for row in store.runs(study.study_id, "pilot") if study else []:
            pids = [w.pid for w in store.workers(study.study_id) if w.worker_id == row.worker]  # type: ignore[union-attr]
            if row.state == "RUNNING" and 3 <= row.epochs <= 20 and pids:
                found.append((row, pids[0]))
                return True
        return False

    wait_until(under_way, 90)
    row, pid = found[0]
    psutil.Process(pid).kill()
    return row


def running_rows(store: Store) -> list[RunRow]:
    study = study_in(store)
    return [row for row in store.runs(study.study_id) if row.state == "RUNNING"] if study else []
