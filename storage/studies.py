"""Studies as a whole: created once, listed, opened phase by phase, deleted with everything that belongs to them."""

from sqlalchemy import Connection, delete, func, select, text, update

from storage import cells, optuna_note, optuna_tables
from storage.errors import StudyBusy, StudyMissing
from storage.names import check_phase, check_study_name, clean_text
from storage.rows import Manifest, PhaseState, StudySummary
from storage.schema import (
    Base,
    BudgetTable,
    CellTable,
    DatabaseClock,
    EntryTable,
    LeaseTable,
    ManifestTable,
    VerdictTable,
    table_of,
)
from storage.upsert import insert_or_ignore


def create(connection: Connection, name: str, manifest: Manifest) -> Manifest:
    """Write the manifest unless the study has one; the one that is stored, for the caller to compare with."""
    row = {
        "name": check_study_name(name),
        "definition": manifest.definition,
        "resolved": manifest.resolved,
        "data_digest": manifest.data_digest,
        "recipe_version": manifest.recipe_version,
        "versions": dict(manifest.versions),
        "creator": clean_text(manifest.creator),
        "created_at": DatabaseClock(),
    }
    insert_or_ignore(connection, table_of(ManifestTable), row)
    stored = find(connection, name)
    if stored is None:
        raise StudyMissing(f"the study {name} was deleted at the moment of its creation")
    return stored


def find(connection: Connection, name: str) -> Manifest | None:
    """The stored manifest of a study."""
    row = connection.execute(select(ManifestTable).where(ManifestTable.name == clean_text(name))).one_or_none()
    if row is None:
        return None
    return Manifest(**{field: getattr(row, field) for field in Manifest.__dataclass_fields__})


def summaries(connection: Connection) -> list[StudySummary]:
    """All studies, oldest first."""
    counted = select(CellTable.study_id, CellTable.state, func.count()).group_by(CellTable.study_id, CellTable.state)
    states: dict[int, dict[str, int]] = {}
    for study_id, state, count in connection.execute(counted):
        states.setdefault(study_id, {})[state] = count
    decided = select(VerdictTable.study_id, func.count()).group_by(VerdictTable.study_id)
    verdicts = dict(connection.execute(decided).all())
    held = select(LeaseTable.study_id, func.count()).where(LeaseTable.expires_at > DatabaseClock())
    leases = dict(connection.execute(held.group_by(LeaseTable.study_id)).all())
    columns = ManifestTable.study_id, ManifestTable.name, ManifestTable.created_at, ManifestTable.creator
    return [
        StudySummary(
            *row,
            states=states.get(row.study_id, {}),
            verdicts=verdicts.get(row.study_id, 0),
            live_leases=leases.get(row.study_id, 0),
        )
        for row in connection.execute(select(*columns).order_by(ManifestTable.study_id))
    ]


def remove(connection: Connection, name: str, force: bool) -> None:
    """Delete a study, ours and Optuna's. Raises StudyMissing, and StudyBusy while a worker holds a live lease."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = '50s'"))
    named = select(ManifestTable.study_id).where(ManifestTable.name == clean_text(name))
    study_id = connection.execute(named).scalar_one_or_none()
    if study_id is None:
        raise StudyMissing(f"there is no study {name!r} to delete")
    # Claims count in these rows before anything else: whoever starts a run now waits, and then finds nothing.
    budgets = select(BudgetTable.phase).where(BudgetTable.study_id == study_id).with_for_update()
    phases = connection.execute(budgets).scalars().all()
    connection.execute(select(ManifestTable.study_id).where(ManifestTable.study_id == study_id).with_for_update())
    live = LeaseTable.study_id == study_id, LeaseTable.expires_at > DatabaseClock()
    workers = connection.execute(select(LeaseTable.worker).where(*live)).scalars().all()
    if workers and not force:
        raise StudyBusy(f"{len(workers)} worker(s) are running trials of {name} ({workers[0]}): stop them first")
    connection.execute(delete(LeaseTable).where(LeaseTable.study_id == study_id))
    cells.forget_trial(connection, select(CellTable.trial_id).where(CellTable.study_id == study_id))
    connection.execute(delete(EntryTable).where(EntryTable.study_id == study_id))
    for table in reversed(Base.metadata.sorted_tables):
        if "study_id" in table.c:
            connection.execute(delete(table).where(table.c.study_id == study_id))
    optuna_tables.delete_studies(connection, [f"{name}/{phase}" for phase in phases])


def open_phase(connection: Connection, study_id: int, phase: str, allowed: int) -> None:
    """Make the Optuna study and the budget of a phase, unless they are there: the first caller's `allowed` holds."""
    check_exists(connection, study_id)
    name = connection.execute(select(ManifestTable.name).where(ManifestTable.study_id == study_id)).scalar_one()
    row = {"study_id": study_id, "phase": check_phase(phase), "allowed": allowed, "used": 0}
    if insert_or_ignore(connection, table_of(BudgetTable), row):
        optuna_tables.open_study(connection, f"{name}/{phase}")


def close_phase(connection: Connection, study_id: int, phase: str, reason: str) -> str:
    """Start no new run in a phase from now on; the reason of the first caller."""
    here = BudgetTable.study_id == study_id, BudgetTable.phase == phase
    closed = update(BudgetTable).where(*here, BudgetTable.closed.is_(None)).values(closed=clean_text(reason))
    connection.execute(closed)
    row = connection.execute(select(BudgetTable.closed).where(*here)).one_or_none()
    if row is None:
        raise StudyMissing(f"the phase {phase} of study {study_id} is not in the database: deleted?")
    return row.closed


def keep_note(connection: Connection, study_id: int, phase: str, body: str) -> bool:
    """Show `body` as the note of a phase, unless a person has written another; whether anything was written."""
    check_exists(connection, study_id)
    name = connection.execute(select(ManifestTable.name).where(ManifestTable.study_id == study_id)).scalar_one()
    return optuna_note.keep_note(connection, f"{name}/{check_phase(phase)}", clean_text(body))


def reopen(connection: Connection, study_id: int, reason: str) -> None:
    """Let phases that were closed for this reason start runs again."""
    closed = BudgetTable.study_id == study_id, BudgetTable.closed == reason
    connection.execute(update(BudgetTable).where(*closed).values(closed=None))


def check_exists(connection: Connection, study_id: int) -> None:
    """Raise StudyMissing unless the study is there; it cannot be deleted until this transaction is over."""
    found = select(ManifestTable.study_id).where(ManifestTable.study_id == study_id)
    if connection.execute(found.with_for_update(read=True, key_share=True)).first() is None:
        raise StudyMissing(f"study {study_id} is not in the database: deleted?")


def phases(connection: Connection, study_id: int) -> list[PhaseState]:
    """The phases that were opened, by name."""
    columns = BudgetTable.phase, BudgetTable.allowed, BudgetTable.used, BudgetTable.closed
    rows = select(*columns).where(BudgetTable.study_id == study_id).order_by(BudgetTable.phase)
    return [PhaseState(*row) for row in connection.execute(rows)]
