"""A study that was stopped everywhere with `search.stop`: what workers do then, and how people are told."""

import datetime
import logging

from search.leaving import Leaving
from search.study import Study
from storage.halt import Halt

log = logging.getLogger("ceteris.worker")


def heed(study: Study, leaving: Leaving) -> None:
    """Let this worker go when the study was stopped, as its latest claim or renewal has seen it."""
    halt = study.store.halt(study.study_id) if study.store.stopped(study.study_id) else None
    if halt is None:
        return
    if not leaving.soon():
        log.info("%s", told(study, halt))
    (leaving.after_epoch if halt.how == "now" else leaving.after_trial)()


def told(study: Study, halt: Halt) -> str:
    """Who stopped it, when, and what happens."""
    at = datetime.datetime.fromtimestamp(halt.at).astimezone()
    what = "trials stop after their epoch" if halt.how == "now" else "running trials are finished, none is begun"
    return f"{study.name} was stopped by {halt.by} on {at:%Y-%m-%d at %H:%M}: {what}"
