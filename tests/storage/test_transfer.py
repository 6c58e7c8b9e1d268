"""A study moves between databases whole or not at all, and is the same study there."""

import time
from collections.abc import Iterator

import optuna
import pytest
from sqlalchemy import text

from storage.blobs import CHUNK_BYTES, Blob
from storage.errors import StudyBusy, StudyExists, StudyMissing
from storage.rows import Verdict
from storage.schema import Base
from storage.store import Store
from tests.storage.small import attempt, drawing, epoch, lease_of, open_study, pointer, result

OURS = {table.name for table in Base.metadata.sorted_tables} - {"ceteris_version"}


@pytest.fixture(params=["to PostgreSQL", "to SQLite"])
def pair(request: pytest.FixtureRequest, sqlite_url: str, postgres_url: str) -> Iterator[tuple[Store, Store]]:
    """The database a study is in, and another one, which has held more than this."""
    urls = [sqlite_url, postgres_url]
    if request.param == "to SQLite":
        urls.reverse()
    source, target = (Store.connect(url) for url in urls)
    other = open_study(target, "other", "2-loss", allowed=4)
    target.finish(lease_of(target.claim(other, "2-loss", "w", "o", drawing([5]))), result(), [epoch(1)])
    yield source, target
    source.close()
    target.close()


def fill(store: Store, name: str = "moved") -> int:
    """A study with something in every table: ended, pruned, released and shared runs, verdicts, notes."""
    study_id = open_study(store, name, allowed=3)
    store.register_worker(study_id, f"worker-{name}", "host", 7, "cpu", {"torch": "1"})
    for number in range(3):
        lease = lease_of(store.claim(study_id, "1-lr", "w", f"{name}-{number}", drawing(range(3))))
        store.report(lease, [epoch(1, 0.1 * number), epoch(2, float("nan"))], pointer(lease, 2), attempt(100))
        if number < 2:
            kept = [Blob("weights", bytes(2 * CHUNK_BYTES) + b"!"), Blob("validation", b"answers")]
            store.finish(lease, result("pruned" if number else "finished", 0.5 + number / 10), [epoch(3)], kept=kept)
        else:
            store.release(lease)
        store.measure_once(study_id, f"test/{lease.trial_id}", {"numbers": str(number)}, "w")
    store.open_phase(study_id, "1-lr/finals", 2)
    shared = drawing([0])  # the run of the screen, referenced
    store.claim(study_id, "1-lr/finals", "w", f"{name}-shared", shared)
    store.decide_once(study_id, "1-lr", Verdict("tie", "lr", "{}", {"n": 1}, "w"))
    store.record_test_opening(study_id, "w", "to see")
    store.leave(f"worker-{name}")
    return study_id


def told(store: Store, name: str) -> object:
    """Everything that can be read of a study, without the ids of rows."""
    manifest = store.manifest(name)
    assert manifest is not None
    study_id = manifest.study_id
    ids = ("study_id", "cell_id", "entry_id", "trial_id", "shown_trial")

    def plain(row: object) -> dict[str, object]:
        return {key: repr(value) for key, value in vars(row).items() if key not in ids}

    runs = store.runs(study_id)
    tests = [store.measurement(study_id, f"test/{row.trial_id}") for row in runs]
    pointers = [[plain(row) | {"location": ""} for row in store.checkpoints(row.trial_id)] for row in runs]
    curves = {phase.phase: repr(store.curves(study_id, phase.phase)) for phase in store.phases(study_id)}
    return (
        plain(manifest),
        [plain(row) for row in runs],
        tests,
        pointers,
        curves,
        store.phases(study_id),
        store.verdicts(study_id),
        [plain(row) for row in store.attempts(study_id)],
        [plain(row) for row in store.workers(study_id)],
        store.test_openings(study_id),
        [[store.blob(row.trial_id, kind) for kind in ("weights", "validation")] for row in runs],
    )


def rows(store: Store) -> dict[str, int]:
    """Number of rows of every table there is."""

    def count(connection) -> dict[str, int]:
        names = [*OURS, "studies", "trials", "trial_params", "trial_values", "trial_intermediate_values"]
        names += ["trial_user_attributes", "study_system_attributes", "study_directions"]
        return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}

    return store._database.read(count)


def trials(store: Store, phase: str) -> list[tuple]:
    url = store._database.url.render_as_string(hide_password=False)
    study = optuna.load_study(study_name=phase, storage=url)
    return [
        (t.number, t.state, t.params, t.values, str(t.intermediate_values), t.user_attrs, t.datetime_start)
        for t in study.trials
    ]


def test_a_study_is_the_same_study_in_the_other_database(pair: tuple[Store, Store]) -> None:
    source, target = pair
    fill(source)
    before = rows(target)
    copied = source.transfer("moved", target)
    assert told(target, "moved") == told(source, "moved")
    for phase in ("moved/1-lr", "moved/1-lr/finals"):
        assert trials(target, phase) == trials(source, phase)
    gained = {name: count - before[name] for name, count in rows(target).items()}
    assert gained == rows(source)  # every table, also one that was added after this test was written
    (location,) = {row.location for row in target.checkpoints(next(iter(copied.trials.values())))}
    assert location == "s/2.ckpt"


def test_it_goes_on_there_from_where_it_stopped(pair: tuple[Store, Store]) -> None:
    source, target = pair
    fill(source)
    copied = source.transfer("moved", target)
    lease = lease_of(target.claim(copied.target_id, "1-lr", "new", "new-nonce", drawing(range(3))))
    assert (lease.number, lease.token, [row.epoch for row in lease.epochs]) == (2, 2, [1, 2])
    assert lease.trial_id == copied.trials[source.runs(copied.source_id, "1-lr")[2].trial_id]
    target.finish(lease, result(), [epoch(3)])
    assert [row.state for row in source.runs(copied.source_id, "1-lr")] == ["COMPLETE", "PRUNED", "WAITING"]
    assert target.studies()[0].name == "other" and target.studies()[0].states == {"COMPLETE": 1}


def test_nothing_is_copied_while_somebody_works_or_where_the_name_is_taken(pair: tuple[Store, Store]) -> None:
    source, target = pair
    study_id = fill(source)
    before = rows(target)
    lease = lease_of(source.claim(study_id, "1-lr", "w", "at-work", drawing(range(3))))
    with pytest.raises(StudyBusy, match=r"search\.stop --name moved"):
        source.transfer("moved", target)
    source.release(lease)
    source.register_worker(study_id, "waiting", "host", 8, "cpu", {})
    with pytest.raises(StudyBusy):
        source.transfer("moved", target)
    source.leave("waiting")
    with pytest.raises(StudyMissing):
        source.transfer("nowhere", target)
    assert rows(target) == before
    source.transfer("moved", target)
    after = rows(target)
    with pytest.raises(StudyExists):
        source.transfer("moved", target)
    assert rows(target) == after


def test_a_copy_that_fails_in_the_middle_leaves_nothing(pair: tuple[Store, Store], monkeypatch) -> None:
    source, target = pair
    fill(source)
    before = rows(target)
    forbid = "CREATE TRIGGER no_more BEFORE INSERT ON ceteris_verdict BEGIN SELECT RAISE(ABORT, 'full'); END"
    if not target._database.is_sqlite:
        forbid = "ALTER TABLE ceteris_verdict ADD CONSTRAINT no_more CHECK (false) NOT VALID"
    target._database.write(lambda connection: connection.execute(text(forbid)))
    with pytest.raises(Exception, match=r"full|no_more"):
        source.transfer("moved", target)
    assert rows(target) == before


def test_ids_in_keys_and_notes_are_those_of_the_other_database(pair: tuple[Store, Store]) -> None:
    source, target = pair
    study_id = fill(source)
    trial_id = source.runs(study_id, "1-lr")[1].trial_id
    url = source._database.url.render_as_string(hide_password=False)
    study = optuna.load_study(study_name="moved/1-lr", storage=url)
    study._storage.set_study_system_attr(study._study_id, f"dashboard:{trial_id}:note_str:0", "odd")
    copied = source.transfer("moved", target)
    url = target._database.url.render_as_string(hide_password=False)
    there = optuna.load_study(study_name="moved/1-lr", storage=url)
    assert there._storage.get_study_system_attrs(there._study_id) == {
        f"dashboard:{copied.trials[trial_id]}:note_str:0": "odd"
    }


def test_the_times_stay_what_they_were_and_the_files_get_a_folder_of_their_own(pair: tuple[Store, Store]) -> None:
    source, target = pair
    open_study(source, "first")
    fill(source)
    time.sleep(0.05)
    copied = source.transfer("moved", target)
    assert copied.source_id == 2 != copied.target_id  # their files lie in folders of these names, and of this time
    here, there = source.manifest("moved"), target.manifest("moved")
    assert here is not None and there is not None and here.created_at == there.created_at
