"""One validator in front of both backends."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.errors import NameInvalid
from storage.names import MAX_STUDY, check_phase, check_study_name, clean_text, study_name_from
from storage.rows import Verdict
from storage.store import Store
from tests.storage.small import manifest, open_study


@given(st.text())
def test_any_text_has_a_valid_name_near_it(text: str) -> None:
    name = study_name_from(text)
    assert check_study_name(name) == name
    assert 1 <= len(name) <= MAX_STUDY and not set(name) & set('/\\:*?"<>|\x00 \n')
    assert Path("runs", name).name == name


@pytest.mark.parametrize("name", ["lr_aug", "lr_aug-digits", "사진-2026", "a.b", "Ünïcode", "0"])
def test_usual_names_are_valid(name: str) -> None:
    assert check_study_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", ".hidden", "-x", "con", "NUL.txt", "a\x00", "a" * 81, "end."])
def test_names_that_some_system_cannot_hold_are_refused_with_one_that_would_do(name: str) -> None:
    with pytest.raises(NameInvalid, match="would do") as caught:
        check_study_name(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("phase", ["", "A", "1-lr/finals/x", "/", "a/", "a b", "x" * 61, "é"])
def test_a_phase_is_plain(phase: str) -> None:
    with pytest.raises(NameInvalid):
        check_phase(phase)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(text=st.text(max_size=300))
def test_any_text_of_a_person_is_stored(database_url: str, text: str) -> None:
    store = Store.connect(database_url)
    study_id = store.create("s", manifest()).study_id
    store.record_test_opening(study_id, text, text)
    assert store.test_openings(study_id)[-1].why == clean_text(text)
    store.close()


def test_names_and_texts_reach_no_statement_as_code(database_url: str) -> None:
    store = Store.connect(database_url)
    study_id = open_study(store)
    nasty = "'; DROP TABLE ceteris_manifest; --\ud800\x00"
    stored = store.decide_once(study_id, "lr", Verdict("tie", nasty, "{}", {"x": [nasty, float("nan")]}, "w"))
    assert stored.value == clean_text(nasty) and stored.evidence == {"x": [nasty, None]}
    assert store.manifest(nasty.encode("utf-8", "ignore").decode().replace("\x00", "")) is None
    store.close()
