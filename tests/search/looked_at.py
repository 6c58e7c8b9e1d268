"""A small study to look at: two real trials of a screen, with names that would do harm if they were obeyed."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import optuna
import torch
from sqlalchemy import MetaData, create_engine, select

from search import labels
from search.candidates import Candidate
from search.join import Asked, create_or_join, facts_of
from search.keeper import LeaseKeeper
from search.leaving import Leaving
from search.notes import Notes
from search.phases import Phase, Planned
from search.resolve import resolve
from search.snapshot import take
from search.workplace import Workplace
from spaces.lr_aug import LR_AUG
from spaces.overrides import override
from storage.checkpoints import CheckpointFolder
from storage.store import Store
from storage.urls import parse_url
from tests.search.commands import QUICK
from tests.search.trials import RECIPE, WORKER, claim, run_trial
from trainer.data import Geometry, load, open_source

HOSTILE = "<img src=x onerror=alert(1)> **bold** [l](javascript:alert(2)) $x$ | `c`"
CLASSES = (HOSTILE, "고양이", *(f"<b>{n}</b>" for n in range(2, 10)))
FOREIGN = "<script>alert(3)</script>"


def study_to_look_at(url: str, folder: Path) -> int:
    """Trains it; its id. Beside it lies an Optuna study of somebody else."""
    store = Store.connect(url)
    source = open_source("digits")
    definition = override(LR_AUG, QUICK)
    facts = facts_of(source, definition.test_fraction).model_copy(update={"classes": CLASSES, "name": HOSTILE})
    asked = Asked("lr_aug", definition, resolve(definition, source, "fp32"), "digits", source.digest, facts)
    study, _ = create_or_join(store, asked)
    store.measure_once(study.study_id, "rules", {"delta": 0.0, "noise": 0.01}, "test")
    leaving = Leaving(None)
    keeper = LeaseKeeper(store, WORKER, 5.0, leaving)
    at = Workplace(
        study=study,
        data=load(source, Geometry(8, 1)),
        device=torch.device("cpu"),
        files={},
        checkpoints=CheckpointFolder(folder / "files"),
        keeper=keeper,
        checkpoint_seconds=1000.0,
        leaving=leaving,
        mode={"threads": 1},
    )
    labels.keep(study, at.data, WORKER)
    planned = [
        Planned(
            Candidate("0.001", "incumbent", RECIPE.model_copy(update={"lr": 0.001, "epochs": 2}), (("lr", 0.001),)), 0
        ),
        Planned(Candidate(HOSTILE, "challenger", RECIPE.model_copy(update={"epochs": 2}), (("lr", 0.004),)), 0),
    ]
    phase = Phase("1-lr", "screen", tuple(planned), 2)
    for each in planned:
        run_trial(at, phase, claim(at, phase, each))
    keeper.close()
    Notes().keep(take(study))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(parse_url(url).render_as_string(hide_password=False))
    foreign = optuna.create_study(storage=storage, study_name=FOREIGN)
    foreign.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    storage.engine.dispose()
    store.close()
    return study.study_id


def dump(url: str) -> dict[str, list[Any]]:
    """Every row of every table."""
    engine = create_engine(parse_url(url))
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        told = {name: sorted(map(repr, connection.execute(select(t)))) for name, t in tables.tables.items()}
    engine.dispose()
    return told


@dataclass
class Told:
    """What a WSGI application has answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


@dataclass
class Client:
    """Asks a WSGI application in this process, as a browser on `host` would."""

    app: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    host: str = "localhost:8080"
    address: str = "127.0.0.1"

    def __call__(self, path: str, method: str = "GET", body: bytes = b"", /, **headers: str) -> Told:
        parts = urlsplit(path)
        named = {name.upper().replace("-", "_"): value for name, value in {**self.headers, **headers}.items()}
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "SERVER_NAME": "here",
            "SERVER_PORT": "8080",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.address,
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/json" if body[:1] == b"{" else "application/x-www-form-urlencoded",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
            "HTTP_HOST": self.host,
            **{f"HTTP_{name}": value for name, value in named.items()},
        }
        told = Told(0, {}, b"")

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            told.status, told.headers = int(status.split()[0]), dict(headers)

        chunks: Iterable[bytes] = self.app(environ, start_response)
        told.body = b"".join(chunks)
        return told
