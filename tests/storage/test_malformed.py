"""What one backend would take and the other would not is refused in front of both, in the same words."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from sqlalchemy.engine import make_url

from storage.errors import StorageError
from storage.rows import CellKey, Lease, Verdict
from storage.store import Store
from tests.storage.small import attempt, drawing, epoch, lease_of, manifest, open_study, pointer, proposal, result

LONG, NUL, SURROGATE, HUGE = "x" * 10_000, "a\x00b", "a\ud800", "x" * 5_000_000
WHOLE: tuple[Any, ...] = -1, 2**31, 1.5, True
BAD_TEXTS = {"long": LONG, "nul": NUL, "surrogate": SURROGATE, "empty": "", "newline": "a\nb"}


class Place(NamedTuple):
    store: Store
    study_id: int
    lease: Lease


Deed = Callable[[Place], Any]


def proposing(**change: Any) -> Deed:
    drawn = replace(proposal(1), **change)
    return lambda at: at.store.claim(at.study_id, "1-lr", "w", "n2", lambda taken: drawn)


def reporting(row: Any = None, checkpoint: dict[str, Any] | None = None, cost: dict[str, Any] | None = None) -> Deed:
    def deed(at: Place) -> None:
        kept = None if checkpoint is None else replace(pointer(at.lease, 1), **checkpoint)
        at.store.report(at.lease, [row] if row else [], kept, None if cost is None else replace(attempt(1), **cost))

    return deed


def deciding(**change: Any) -> Deed:
    verdict = replace(Verdict("tie", "0.01", "{}", {}, "w"), **change)
    return lambda at: at.store.decide_once(at.study_id, "1-lr", verdict)


def finishing(**change: Any) -> Deed:
    return lambda at: at.store.finish(at.lease, replace(result(), **change))


DEEDS: dict[str, Deed] = {
    **{f"study {k}": lambda at, t=t: at.store.create(t, manifest()) for k, t in BAD_TEXTS.items()},
    "study quotes": lambda at: at.store.create("a'; DROP TABLE x; --", manifest()),
    "study climbs": lambda at: at.store.create("../../etc/passwd", manifest()),
    **{f"phase {k}": lambda at, t=t: at.store.open_phase(at.study_id, t, 1) for k, t in BAD_TEXTS.items()},
    "phase climbs": lambda at: at.store.open_phase(at.study_id, "../1-lr", 1),
    "phase quotes": lambda at: at.store.close_phase(at.study_id, "1'--", "because"),
    **{f"allowed {n}": lambda at, n=n: at.store.open_phase(at.study_id, "2-loss", n) for n in WHOLE},
    **{f"key {k}": lambda at, t=t: at.store.measure_once(at.study_id, t, 1, "w") for k, t in BAD_TEXTS.items()},
    "measurement of 20 MB": lambda at: at.store.measure_once(at.study_id, "m", HUGE * 4, "w"),
    "measurement no JSON": lambda at: at.store.measure_once(at.study_id, "m", {1, 2}, "w"),  # type: ignore[arg-type]
    "measurement key": lambda at: at.store.measure_once(at.study_id, "m", {1: 2}, "w"),  # type: ignore[dict-item]
    "measurement worker": lambda at: at.store.measure_once(at.study_id, "m", 1, NUL),
    "evidence of 5 MB": deciding(evidence=HUGE),
    "verdict recipe": deciding(recipe=NUL),
    **{f"signature {k}": proposing(cell=CellKey(t, 0)) for k, t in BAD_TEXTS.items()},
    **{f"replicate {n}": proposing(cell=CellKey("s", n)) for n in (-1, 2**63)},
    **{f"parameter {n}": proposing(params={"lr": n, "loss": "focal(2)"}) for n in (nan, inf, -inf)},
    "parameter text": proposing(params={"lr": 0.1, "loss": LONG}),
    "parameter name": proposing(params={LONG: 0.1}),
    "recipe surrogate": proposing(recipe=SURROGATE),
    "label long": proposing(label=LONG),
    "attribute of 5 MB": proposing(attrs={"colour": HUGE}),
    "attribute name": proposing(attrs={NUL: 1}),
    **{f"epoch {n}": reporting(replace(epoch(1), epoch=n)) for n in (-1, 0, 2**31, 1.5)},
    **{f"seconds {n}": reporting(replace(epoch(1), seconds=n)) for n in (nan, inf, -1.0)},
    "score text": reporting(replace(epoch(1), score="0.5")),  # type: ignore[arg-type]
    "phase of epoch": reporting(replace(epoch(1), phase=LONG)),
    **{f"checkpoint at {n}": reporting(checkpoint={"epoch": n}) for n in (-1, 2**31)},
    "checkpoint climbs": reporting(checkpoint={"location": "../../x"}),
    "checkpoint elsewhere": reporting(checkpoint={"location": "/etc/passwd"}),
    "checkpoint kind": reporting(checkpoint={"kind": "other"}),
    "checkpoint size": reporting(checkpoint={"size": 2**63}),
    **{f"cost {n}": reporting(cost={"seconds": n}) for n in (nan, -1.0)},
    "images": reporting(cost={"images": 2**63}),
    "result epochs": finishing(epochs_total=2**31),
    "result seconds": finishing(seconds=inf),
    "result attribute of 5 MB": finishing(attrs={"colour": HUGE}),
    "rung": lambda at: at.store.at_rung(at.lease, [], 2**31),
    "nonce": lambda at: at.store.claim(at.study_id, "1-lr", "w", NUL, drawing([1])),
    "worker": lambda at: at.store.register_worker(at.study_id, LONG, "h", 1, "cpu", {}),
    "pid": lambda at: at.store.register_worker(at.study_id, "w", "h", -1, "cpu", {}),
}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[list[Place]]:
    """The same study in a SQLite file and in PostgreSQL."""
    admin = make_url(postgres_server).set(drivername="postgresql")
    with psycopg.connect(admin.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute("CREATE DATABASE ceteris_malformed ENCODING 'UTF8' TEMPLATE template0")
    file = Path(tmp_path_factory.mktemp("malformed"), "ceteris.db")
    places = []
    for url in (f"sqlite:///{file.as_posix()}", admin.set(database="ceteris_malformed").render_as_string(False)):
        store = Store.connect(url)
        study_id = open_study(store)
        places.append(Place(store, study_id, lease_of(store.claim(study_id, "1-lr", "w", "n", drawing([0])))))
    yield places
    for place in places:
        place.store.close()
    with psycopg.connect(admin.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute("DROP DATABASE ceteris_malformed WITH (FORCE)")


def test_sixty_malformed_inputs_are_tried() -> None:
    assert len(DEEDS) >= 60


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS.keys())
def test_a_malformed_input_is_the_same_one_line_on_both_backends_and_changes_nothing(
    both: list[Place], deed: Deed
) -> None:
    said = []
    for place in both:
        before = place.store.runs(place.study_id), place.store.phases(place.study_id), place.store.studies()
        with pytest.raises(StorageError) as caught:
            deed(place)
        said.append((type(caught.value), str(caught.value)))
        assert before == (place.store.runs(place.study_id), place.store.phases(place.study_id), place.store.studies())
    assert said[0] == said[1]
    assert "\n" not in said[0][1] and len(said[0][1]) < 400
    said[0][1].encode("utf-8")
