"""Stock Optuna and its dashboard open the database and read what we wrote."""

import io
import math
import threading
from collections.abc import Iterator

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from storage import optuna_schema
from storage.rows import Proposal
from storage.store import Store
from tests.storage.small import drawing, epoch, lease_of, open_study, proposal, result

optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store.connect(database_url)
    yield store
    store.close()


def test_optuna_reads_states_values_parameters_and_curves(store: Store, database_url: str) -> None:
    study_id = open_study(store)
    for index, stop in enumerate(("finished", "stalled", "pruned", "diverged", "failed")):
        lease = lease_of(store.claim(study_id, "1-lr", "w", f"n{index}", drawing([index])))
        outcome = result(stop, None if stop == "failed" else 0.5 + index / 10)
        store.finish(lease, outcome, [epoch(1, 0.4), epoch(2, math.nan)])
    study = optuna.load_study(study_name="lr_aug/1-lr", storage=database_url)
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    complete, pruned, failed = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
    assert [trial.state for trial in study.trials] == [complete, complete, pruned, complete, failed]
    assert [trial.value for trial in study.trials] == [0.5, 0.6, 0.7, 0.0, None]
    assert [trial.params["lr"] for trial in study.trials] == [proposal(index).params["lr"] for index in range(5)]
    assert study.best_trial.number == 1
    for trial in study.trials:
        assert trial.intermediate_values[1] == 0.4 and math.isnan(trial.intermediate_values[2])
        assert trial.user_attrs["reason"] == "because the test says so"
        assert trial.datetime_start is not None and trial.datetime_complete is not None
    assert [trial.user_attrs["stop"] for trial in study.trials][3:] == ["diverged", "failed"]


def test_optuna_may_add_trials_of_its_own(store: Store, database_url: str) -> None:
    study_id = open_study(store)
    lease = lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))
    study = optuna.load_study(study_name="lr_aug/1-lr", storage=database_url)
    trial = study.ask()
    assert 1e-4 <= trial.suggest_float("lr", 1e-4, 10.0, log=True) <= 10.0
    study.tell(trial, 0.3)
    store.finish(lease, result())
    assert lease_of(store.claim(study_id, "1-lr", "w", "n2", drawing([0, 1]))).number == 2
    assert [each.number for each in study.trials] == [0, 1, 2]


def test_the_tables_are_those_that_optuna_makes(store: Store, database_url: str, tmp_path) -> None:
    stock = RDBStorage(f"sqlite:///{(tmp_path / 'stock.db').as_posix()}")
    assert stock.get_head_version() == optuna_schema.HEAD_REVISION
    ours = RDBStorage(database_url)
    assert ours.get_current_version() == ours.get_head_version()
    for storage in (stock, ours):
        storage.engine.dispose()


def test_a_database_that_optuna_made_first_is_completed(database_url: str) -> None:
    optuna.create_study(study_name="somebody else's", storage=database_url)
    store = Store.connect(database_url)
    open_study(store)
    store.delete("lr_aug")
    assert optuna.get_all_study_names(database_url) == ["somebody else's"]
    store.close()


def test_a_distribution_that_contradicts_the_study_is_refused(store: Store) -> None:
    study_id = open_study(store)
    lease_of(store.claim(study_id, "1-lr", "w", "n1", drawing([0])))
    good = proposal(1)
    for params, distribution in (
        (good.params, FloatDistribution(1e-4, 10.0)),
        (dict(good.params) | {"lr": 99.0}, good.distributions["lr"]),
    ):
        bad = Proposal(
            good.cell, "digest", "{}", "screen", "x", params, dict(good.distributions) | {"lr": distribution}
        )
        with pytest.raises(ValueError):
            store.claim(study_id, "1-lr", "w", "n2", lambda taken, bad=bad: bad)
    assert store.phases(study_id)[0].used == 1 and len(store.runs(study_id)) == 1


def test_the_dashboard_opens_the_database(store: Store, database_url: str) -> None:
    dashboard = pytest.importorskip("optuna_dashboard")
    study_id = open_study(store)
    store.finish(lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0]))), result(), [epoch(1)])
    app = dashboard.wsgi(RDBStorage(database_url))
    told: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/api/studies",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }
    body = b"".join(app(environ, lambda status, headers, *rest: told.append(status)))
    assert told == ["200 OK"] and b"lr_aug/1-lr" in body


COLUMNS = {
    "studies": "study_id study_name",
    "study_directions": "direction objective study_direction_id study_id",
    "trials": "datetime_complete datetime_start number state study_id trial_id",
    "trial_params": "distribution_json param_id param_name param_value trial_id",
    "trial_values": "objective trial_id trial_value_id value value_type",
    "trial_intermediate_values": "intermediate_value intermediate_value_type step trial_id trial_intermediate_value_id",
    "trial_user_attributes": "key trial_id trial_user_attribute_id value_json",
}


def test_the_private_parts_of_optuna_that_are_used_are_as_they_were() -> None:
    """Another Optuna 5.0.x with other columns, marks or conversions would be written wrongly: see optuna_schema."""
    models = optuna_schema.models
    tables = models.BaseModel.metadata.tables
    assert {name: " ".join(sorted(tables[name].c.keys())) for name in COLUMNS} == COLUMNS
    stored = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr
    kinds = models.TrialIntermediateValueModel.TrialIntermediateValueType
    assert [stored(value) for value in (0.5, math.nan, math.inf)] == [
        (0.5, kinds.FINITE),
        (None, kinds.NAN),
        (None, kinds.INF_POS),
    ]
    assert models.TrialValueModel.TrialValueType.FINITE.name == "FINITE"
    assert models.SCHEMA_VERSION == 12
    assert {state.name for state in TrialState} == {"RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING"}
    log = FloatDistribution(1e-4, 10.0, log=True)
    assert log._contains(log.to_internal_repr(0.1))
    assert not log._contains(log.to_internal_repr(99.0))


def test_optuna_and_this_storage_number_trials_under_one_lock(store: Store, database_url: str) -> None:
    """Both add trials at the same time: no number twice."""
    study_id = open_study(store, allowed=12)
    study = optuna.load_study(study_name="lr_aug/1-lr", storage=database_url)
    asking = threading.Thread(target=lambda: [study.tell(study.ask(), 0.1) for _ in range(8)])
    asking.start()
    for index in range(8):
        store.finish(lease_of(store.claim(study_id, "1-lr", "w", f"n{index}", drawing(range(12)))), result())
    asking.join()
    assert sorted(trial.number for trial in study.trials) == list(range(16))
