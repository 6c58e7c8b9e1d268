"""Runs that another study has finished, taken over as they are: of equal identity, so training them again would only
give the same numbers.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, literal, select

from storage import blobs, cells, fleet, optuna_births
from storage.schema import CellTable, EpochTable, ManifestTable, MeasurementTable, table_of
from storage.shown import Shown
from storage.studies import open_phase
from storage.upsert import insert_or_ignore

PHASE = "adopted"
OF_THE_STUDY = ("cell_id", "study_id", "home", "trial_id", "optuna_study", "number")


def adopt(connection: Connection, source_id: int, target_id: int, but: Sequence[str] = ()) -> int:
    """Copy every finished run of one study into another, with its epochs and predictions; how many.

    Those of the phases `but` stay. They wait in a phase of their own until a phase of the target asks for them. Pruned
    and failed runs are left: they ended for reasons of their study. Weights stay where they are, not pointed to.
    """
    open_phase(connection, target_id, PHASE, 0)
    name = connection.execute(select(ManifestTable.name).where(ManifestTable.study_id == target_id)).scalar_one()
    kept = [column for column in table_of(CellTable).c if column.name not in OF_THE_STUDY]
    finished = select(CellTable.trial_id, *kept).where(CellTable.study_id == source_id, CellTable.state == "COMPLETE")
    finished = finished.where(CellTable.home.not_in(list(but)))
    taken = 0
    for row in connection.execute(finished).mappings().all():
        source_trial = row["trial_id"]
        identity = {key: row[key] for key in ("signature", "data_digest", "replicate")}
        there = select(CellTable.cell_id).where(CellTable.study_id == target_id).filter_by(**identity)
        if connection.execute(there).first() is not None:
            continue
        study = f"{name}/{PHASE}"
        trial_id, number = optuna_births.copy_trial(connection, source_trial, study, Shown({}, {}, {}))
        cells.forget_trial(connection, [trial_id])  # SQLite uses ids again
        cell = {column.name: row[column.name] for column in kept}
        cell |= {"study_id": target_id, "home": PHASE, "trial_id": trial_id, "optuna_study": study, "number": number}
        if insert_or_ignore(connection, table_of(CellTable), cell):
            _copy_epochs(connection, source_trial, trial_id)
            _copy_answers(connection, source_id, target_id, source_trial, trial_id)
            blobs.copy(connection, source_trial, target_id, trial_id, ("validation", "test"))
            if row["test_score"] is not None:
                nonce, why = f"adopted-{trial_id}", f"taken over with a run of another study, {row['signature'][:12]}"
                fleet.record_test_opening(connection, target_id, nonce, f"{name}/{PHASE} #{number}", why)
            taken += 1
    return taken


def _copy_epochs(connection: Connection, source: int, target: int) -> None:
    columns = [column for column in table_of(EpochTable).c if column.name != "trial_id"]
    rows = select(literal(target), *columns).where(EpochTable.trial_id == source)
    names = ["trial_id", *(column.name for column in columns)]
    connection.execute(insert(EpochTable).from_select(names, rows))


def _copy_answers(connection: Connection, source_id: int, target_id: int, source: int, target: int) -> None:
    """What was recorded of the run on the test part."""
    for old, new in ((f"test/{source}", f"test/{target}"), ("test/truth", "test/truth")):
        here = MeasurementTable.study_id == source_id, MeasurementTable.key == old
        row = connection.execute(select(MeasurementTable).where(*here)).one_or_none()
        if row is not None:
            copy = {"study_id": target_id, "key": new, "value": row.value, "worker": row.worker, "at": row.at}
            insert_or_ignore(connection, table_of(MeasurementTable), copy)
