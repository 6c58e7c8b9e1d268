"""Notes in the format of Optuna's dashboard: written once, readable there, and never over a person's own."""

import optuna
import pytest
from optuna_dashboard import get_note, save_note

from storage.errors import StudyMissing
from storage.store import Store
from tests.storage.small import open_study

LONG = "머리 & <b> " * 700  # more than three parts


def optuna_study(url: str) -> optuna.Study:
    storage = optuna.storages.RDBStorage(url.replace("postgresql://", "postgresql+psycopg://"))
    return optuna.load_study(study_name="lr_aug/1-lr", storage=storage)


def test_a_note_of_any_length_is_read_in_the_dashboard_and_written_only_when_it_changed(database_url: str) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    seen = optuna_study(database_url)
    for body in (LONG, "short", LONG[:5000], ""):
        assert store.keep_note(study_id, "1-lr", body)
        assert get_note(seen) == body
        assert not store.keep_note(study_id, "1-lr", body)
    store.close()


def test_what_a_person_has_written_stays(database_url: str) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    seen = optuna_study(database_url)
    store.keep_note(study_id, "1-lr", LONG)
    save_note(seen, "mine")
    assert not store.keep_note(study_id, "1-lr", "generated")
    assert get_note(seen) == "mine"
    store.close()


def test_a_note_of_a_study_that_is_gone_is_refused(sqlite_url: str) -> None:
    store = Store.connect(sqlite_url)
    study_id = open_study(store)
    store.delete("lr_aug")
    with pytest.raises(StudyMissing):
        store.keep_note(study_id, "1-lr", "too late")
    store.close()
