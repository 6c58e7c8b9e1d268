"""The pictures of a trial for Optuna's dashboard, drawn when they are looked at: nothing is uploaded or stored."""

import io
import threading
from collections import OrderedDict
from typing import BinaryIO

import numpy as np
from optuna.artifacts.exceptions import ArtifactNotFound

from search import contact_sheet
from search.canvas import LOCK
from search.contact_sheet import Mistake
from search.pictures import Pictures
from search.plots import Curve, as_png, confusion, curves
from search.progress import setting
from search.showing import Part, Showing
from storage.rows import RunRow

KEPT = 64  # pictures in memory


class Artifacts:
    """An artifact store of Optuna's that can be read only. Safe for several threads."""

    def __init__(self, showing: Showing, pictures: Pictures) -> None:
        self._showing, self._pictures = showing, pictures
        self._drawn: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The picture as a PNG file. Raises ArtifactNotFound for an id that no trial has."""
        found = self._showing.find(artifact_id)
        if found is None:
            raise ArtifactNotFound(f"no trial has an artifact {artifact_id}")
        part, row, kind = found
        key = (artifact_id, part.study.instance, row.state, row.epochs, row.attempt)
        with self._lock:
            if key in self._drawn:
                self._drawn.move_to_end(key)
                return io.BytesIO(self._drawn[key])
        drawn = {"1": self._curve, "2": self._confusion, "3": self._mistakes}[kind](part, row)
        with self._lock:
            self._drawn[key] = drawn
            while len(self._drawn) > KEPT:
                self._drawn.popitem(last=False)
        return io.BytesIO(drawn)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        raise PermissionError("the pictures of a trial are drawn from the database; nothing can be uploaded here")

    def remove(self, artifact_id: str) -> None:
        raise PermissionError("the pictures of a trial are drawn from the database; nothing can be deleted here")

    def _curve(self, part: Part, row: RunRow) -> bytes:
        """This trial's curve among those of its phase."""
        study = part.study
        company = {each.number: each for each in part.rows.values() if each.phase == row.phase}
        told = study.store.curves(study.study_id, row.phase)
        drawn = [
            Curve(_name(company[n]), company[n].stop, tuple(epoch.score for epoch in epochs))
            for n, epochs in told.items()
            if n in company
        ]
        stage = next((s for s in study.definition.stages if study.definition.phase_name(s) == row.phase), None)
        rungs = stage.rungs(study.definition.budgets.rungs) if stage else ()
        metric = study.definition.baseline.metric.replace("_", " ")
        with LOCK:
            return as_png(curves(drawn, rungs, f"validation {metric}", f"{row.phase} {_name(row)}", _name(row)))

    def _confusion(self, part: Part, row: RunRow) -> bytes:
        title = f"{row.phase} {_name(row)}: validation"
        seen = self._pictures.answers(part.study, row)
        if seen is None:
            return contact_sheet.page(title, self._pictures.why_not(part.study))
        count = len(part.study.resolved.data.classes)
        matrix = np.bincount(seen.truth * count + seen.answers, minlength=count * count).reshape(count, count)
        with LOCK:
            return as_png(confusion(matrix.tolist(), part.study.resolved.data.classes, title))

    def _mistakes(self, part: Part, row: RunRow) -> bytes:
        title = f"{row.phase} {_name(row)}: worst mistakes"
        study, classes = part.study, part.study.resolved.data.classes
        seen = self._pictures.answers(study, row)
        if seen is None:
            return contact_sheet.page(title, self._pictures.why_not(study))
        wrong = np.flatnonzero(seen.truth != seen.answers)
        count = (
            f"{len(wrong) or 'no'} {'mistake' if len(wrong) < 2 else 'mistakes'} on {len(seen.truth)} validation images"
        )
        if not len(wrong):
            return contact_sheet.page(title, count)
        worst = wrong[np.argsort(-seen.probability[wrong], kind="stable")][: contact_sheet.MOST]
        pixels = self._pictures.pixels(study, seen.rows[worst])
        if pixels is None:
            return contact_sheet.page(title, f"{count}; {self._pictures.why_not(study)}")
        tiles = [
            Mistake(pixels[n], classes[seen.truth[i]], classes[seen.answers[i]], float(seen.probability[i]))
            for n, i in enumerate(worst)
        ]
        which = "all of them, the surest first" if len(wrong) == len(worst) else f"the {len(worst)} surest"
        return contact_sheet.contact_sheet(title, tiles, f"{count}: {which}")


def _name(row: RunRow) -> str:
    return f"#{row.number} {setting(row)}"
