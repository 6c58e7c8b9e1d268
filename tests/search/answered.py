"""Studies whose runs have left answers: real rows and blobs in a real database, answers drawn, nothing trained."""

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from optuna.distributions import FloatDistribution, IntDistribution

from search import points, predictions
from search.candidates import Candidate
from search.held_out import Stored, Truth
from search.join import Asked, create_or_join, facts_of
from search.phases import Phase, Planned
from search.records import as_json
from search.resolve import resolve
from search.study import Study
from spaces.lr_aug import LR_AUG
from spaces.overrides import override
from storage.rows import CellKey, Lease, Proposal, Result
from storage.store import Store
from tests.search.commands import QUICK
from trainer.data import Source, SourceOptions, open_source
from trainer.folds import cut, hold_out
from trainer.recipe import Recipe
from trainer.replicate import Replicate

_nonces = itertools.count()


def study_of(store: Store, name: str, *settings: str, data: str = "digits", target: str | None = None) -> Study:
    source = open_source(data, SourceOptions(target=target))
    definition = override(LR_AUG, (*QUICK, "delta=0", *settings))
    words = () if target is None else (f"--target={target}",)
    facts = facts_of(source, definition.test_fraction, words)
    resolved = resolve(definition, source, "fp32")
    return create_or_join(store, Asked(name, definition, resolved, data, source.digest, facts))[0]


def drawn(labels: np.ndarray, classes: int, skill: float, seed: int) -> np.ndarray:
    """[n, classes]: right as often as `skill` lets it, 0 is guessing and 9 never wrong."""
    luck = np.random.default_rng(seed)
    logits = skill * (np.arange(classes) == labels[:, None]) + luck.normal(size=(len(labels), classes))
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def answer(
    study: Study,
    source: Source,
    phase: str,
    replicates: Sequence[int],
    *,
    lr: float = 0.004,
    label: str = "final",
    skill: float = 2.0,
    rows: np.ndarray | None = None,
) -> None:
    """A recipe of that learning rate answers on these replicates (for the `rows` given, whatever its folds are), in a
    confirmation on the test part, too."""
    definition, store = study.definition, study.store
    recipe: Recipe = definition.baseline.model_copy(update={"lr": lr})
    candidate = Candidate(label, label, recipe, (("lr", lr),))
    of_phase = Phase(phase, "confirm", (Planned(candidate, 0),), 1000)
    store.open_phase(study.study_id, phase, 1000)
    development, test = hold_out(source, definition.test_fraction)
    groups = None if source.groups is None else source.groups[development]
    strata = (source.labels if source.strata is None else source.strata)[development]
    for number in replicates:
        planned, replicate = Planned(candidate, number), Replicate.numbered(number, definition.folds)
        validation = development[cut(strata, groups, replicate)[1]] if rows is None else rows
        proposal = Proposal(
            cell=CellKey(*planned.cell),
            data_digest=study.manifest.data_digest,
            recipe=recipe.canonical(),
            role=label,
            label=label,
            params=points.params_of(planned, of_phase),
            distributions={"lr": FloatDistribution(1e-4, 1.0, log=True), "replicate": IntDistribution(0, 999)},
        )
        lease = store.claim(study.study_id, phase, "w", f"n{next(_nonces)}", lambda taken, p=proposal: p)
        assert isinstance(lease, Lease)
        parts: dict[predictions.Part, np.ndarray] = {"validation": validation}
        if phase == "confirm":
            parts["test"] = test
        kept = []
        for part, at in parts.items():
            told = drawn(source.labels[at], len(source.class_names), skill, number + round(lr * 1e6))
            kept += predictions.packed(part, torch.from_numpy(at), torch.from_numpy(told).float(), 4)
        store.finish(lease, Result("finished", "finished", 0.5, 4, 0.5, 0.5, 4, 1.0, test_score=0.5), kept=kept)
    tested = None if source.groups is None else tuple(source.groups[test].tolist())
    truth = Truth(labels=Stored.of(source.labels[test]), groups=tested, development=(1,) * len(source.class_names))
    if phase == "confirm":
        store.measure_once(study.study_id, "test/truth", as_json(truth), "w")
