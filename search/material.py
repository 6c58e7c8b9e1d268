"""The data a launch was given, as its study wants them: opened, decoded once, cut, and told."""

from dataclasses import dataclass
from functools import cached_property

import click

from search.data_options import words_of
from search.decoding import decode_progress
from search.join import facts_of
from search.records import DataFacts
from search.resolve import geometry_of, hard_bytes, resolve
from spaces.study import StudyDefinition
from trainer.data import Dataset, Decoded, Source, SourceOptions, decode, sealed
from trainer.sources.duplicates import duplicate_notes
from trainer.split import SplitReport, split_report


@dataclass(frozen=True)
class Material:
    """Nothing is decoded before it is asked for, and then once."""

    asked: StudyDefinition
    options: SourceOptions
    opened: Source
    quiet: bool

    @cached_property
    def shaped(self) -> StudyDefinition:
        """All but the precision looked up: what the data are decoded for."""
        return resolve(self.asked, self.opened, "fp32")

    @cached_property
    def source(self) -> Source:
        """The data of the study: with --skip-broken without the pictures that cannot be read."""
        return self._decoded.source if self.options.skip_broken else self.opened

    @cached_property
    def dataset(self) -> Dataset:
        return sealed(self._decoded, self.asked.test_fraction)

    @property
    def in_memory(self) -> int:
        """Bytes that every worker holds of them at most."""
        return self.dataset.pixels.stored.nbytes + hard_bytes(self.shaped, len(self.dataset.development))

    @cached_property
    def facts(self) -> DataFacts:
        left_out = self._decoded.left_out if self.options.skip_broken else ()
        words = tuple(word for word in words_of(self.options) if not word.startswith("--cache"))
        return facts_of(self.source, self.asked.test_fraction, words, left_out)

    def lines(self) -> tuple[str, ...]:
        """All there is to say of them and of their split, for the run folder."""
        left_out = (f"left out: {name}" for name in self.facts.left_out)
        report = self._split
        return (self.facts.words, *self._notes, *left_out, "", *report.lines(), "", *report.classes())

    def tell(self) -> None:
        """Print how they are cut, and what a person should know of them."""
        click.echo(self._split.headline()[-1])
        for note in self._notes:
            click.echo(f"note: {note}", err=True)
        for doubt in self._split.warnings:
            click.echo(f"warning: {doubt}", err=True)
        for name in self.facts.left_out:
            click.echo(f"left out: {name}")

    @cached_property
    def _split(self) -> SplitReport:
        return split_report(self.source, self.asked.folds, self.asked.test_fraction, 1000 * self.asked.seed)

    @cached_property
    def _notes(self) -> tuple[str, ...]:
        return (*self.source.notes, *duplicate_notes(self.source))

    @cached_property
    def _decoded(self) -> Decoded:
        geometry, options = geometry_of(self.shaped.baseline), self.options
        with decode_progress(self.quiet) as progress:
            return decode(
                self.opened, geometry, cache=options.cache, progress=progress, skip_broken=options.skip_broken
            )
