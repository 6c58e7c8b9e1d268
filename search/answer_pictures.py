"""From a folder of pictures to a file of answers, and what is told of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from search.answers_file import Spelling, check_out, spelled, write_contest, write_general
from search.edge import UserError
from search.panel import Panel, whole_label
from search.predicting import Answers, Progress, check_arrays, code_of, device_named, predict
from search.progress import clock
from trainer.sources.unlabelled import Listing, Unlabelled, pictures_at
from trainer.sources.wording import counted, listed, shown

TABLE = "info.csv"
TOLD = 5  # classes, the most frequent ones


@dataclass(frozen=True)
class Asked:
    """What a person wants answered, and how."""

    pictures: Path
    out: Path
    info: Path | None
    spelling: Spelling
    probabilities: bool
    resize: bool
    follow_links: bool
    skip_broken: bool
    flip: bool

    def listing(self) -> Listing | None:
        """The contest's table: the one given, or the info.csv of the folder."""
        beside = self.pictures / TABLE
        if self.info is not None:
            return Listing.read(self.info)
        return Listing.read(beside) if beside.is_file() else None


def answer_pictures(
    panel: Panel, asked: Asked, device: str, code: Sequence[Path], trust_code: bool, progress: Progress | None
) -> list[str]:
    """Writes the file and returns what to say. Raises one-line errors, and leaves no file then."""
    check_out(asked.out)
    listing = asked.listing()
    if listing is not None and asked.probabilities:
        raise UserError(
            f"{shown(listing.file)} asks for one answer a picture; leave --probabilities out, or that table"
        )
    if listing is not None:
        whole_label(panel)
    pictures = pictures_at(asked.pictures, listing, asked.follow_links)
    models = [seat.model for seat in panel.seats]
    check_arrays(pictures, models, asked.resize)
    place, began = device_named(device), time.monotonic()
    with code_of(models, code, trust_code) as files:
        answers = predict(panel, pictures, place, files, flip=asked.flip, skip_broken=asked.skip_broken, told=progress)
    _write(panel, asked, listing, pictures, answers)
    return _told(panel, pictures, answers, f"{place} in {clock(time.monotonic() - began)}", asked.out, listing)


def _write(panel: Panel, asked: Asked, listing: Listing | None, pictures: Unlabelled, answers: Answers) -> None:
    if listing is not None:
        words = spelled(panel.class_names, listing, asked.spelling)
        write_contest(asked.out, listing, [words[number] for number in answers.classes])
        return
    labels = [panel.class_names[number] for number in answers.classes]
    probabilities = answers.probabilities if asked.probabilities else None
    write_general(asked.out, pictures.names, labels, panel.class_names, probabilities)


def _told(
    panel: Panel, pictures: Unlabelled, answers: Answers, where: str, out: Path, listing: Listing | None
) -> list[str]:
    lines = [f"note: {note}" for note in pictures.notes]
    if answers.broken:
        names = listed(f"{pictures.names[index]} ({why})" for index, why in answers.broken.items())
        lines.append(
            f"note: {counted(len(answers.broken), 'picture')} that cannot be read given the most frequent answer, "
            f"{panel.class_names[answers.stand_in]}: {names}"
        )
    order = f", in the order of {shown(listing.file)}" if listing else ""
    lines.append(f"{counted(len(pictures), 'picture')} answered by {panel.words} on {where}{order}")
    counts = np.bincount(answers.classes, minlength=len(panel.class_names))
    most = np.argsort(-counts, kind="stable")[:TOLD]
    shares = [f"{shown(panel.class_names[place])} {100 * counts[place] / len(pictures):.1f} %" for place in most]
    never = int((counts == 0).sum())
    rest = f"; {counted(never, 'class', 'classes')} of {len(counts)} never answered" if never else ""
    return [*lines, f"most frequent: {', '.join(shares)}{rest}", f"written: {out}"]
