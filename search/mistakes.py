"""The pictures of the test part that the recommended recipe gets wrong most often: sent to wandb only when allowed."""

from typing import Any

import numpy as np
import wandb

from search.dataset import dataset_of
from search.following import Ledger
from search.held_out import Answers
from search.study import Study
from search.wandb_runs import Sheet, WandbRuns
from trainer.data import SourceOptions

SHOWN = 24


def share(study: Study, data: str, options: SourceOptions, runs: WandbRuns, ledger: Ledger) -> None:
    """One run with the worst mistakes of the confirm runs, once; nothing before there is an answer, or without any.

    Raises `UserError` when `data` are not those of the study. Opens the test part, on the record.
    """
    headline, key = study.headline(study.depth), f"{study.instance}-mistakes"
    if headline is None or ledger.ended(key):
        return
    rows = [row for row in study.store.runs(study.study_id, "confirm") if row.recipe == headline.recipe]
    trials = [row.trial_id for row in rows if row.state == "COMPLETE"]
    answers = Answers.read(study, trials) if trials else None
    if answers is None or not (worst := worst_of(answers)):
        return
    dataset = dataset_of(study, data, options)

    def record(who: str, why: str) -> None:
        study.store.record_test_opening(study.study_id, who, why)

    test_rows, _ = dataset.test.open(record, f"{study.name}/wandb", "show the worst mistakes (--share-images)")
    pictures = dataset.images(dataset.pixels.size)
    sheet = Sheet(key, "worst mistakes", f"{study.name}/confirm", (study.name, "confirm", "mistakes"), {})
    run = runs.open(sheet, "mistakes", apart=False)
    shown: list[Any] = []
    for place, wrong in worst:
        said = np.bincount([answers.by_trial[trial][place] for trial in trials]).argsort()[::-1]
        other = next(int(each) for each in said if each != answers.labels[place])
        truth, answer = answers.classes[answers.labels[place]], answers.classes[other]
        picture = pictures[int(test_rows[place])].permute(1, 2, 0).numpy()
        caption = f"{truth}, taken for {answer}: wrong in {wrong} of {len(trials)} runs"
        shown.append(wandb.Image(picture if picture.shape[2] == 3 else picture[..., 0], caption=caption))
    run.log({"worst mistakes": shown})
    ledger.begin(key)
    run.finish()
    ledger.end(key)


def worst_of(answers: Answers) -> list[tuple[int, int]]:
    """(place in the test part, runs that got it wrong), the most often wrong first, at most `SHOWN`."""
    wrong = np.sum([predicted != answers.labels for predicted in answers.by_trial.values()], axis=0)
    order = np.argsort(-wrong, kind="stable")[:SHOWN]
    return [(int(place), int(wrong[place])) for place in order if wrong[place] > 0]
