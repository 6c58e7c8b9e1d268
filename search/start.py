"""From a request to a running study: create or join, then carry it to its answer."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import click

from search import ask, outcome, preflight
from search.ask import Request
from search.copies import Copy, copies
from search.data_options import source_options, words_of
from search.decoding import decode_progress
from search.edge import run
from search.fleet import Fleet
from search.folder import RunFolder
from search.join import Asked, create_or_join, facts_of
from search.loading import collector_paused
from search.options import shown_storage, storage_url
from search.pixels import other_pixels
from search.precision import Chosen, choose, emulated, native_to_all
from search.preflight import Ground
from search.resolve import geometry_of, hard_bytes, resolve
from search.study import DataFacts, Study
from search.supervise import carry_to_answer
from search.versions import other_versions
from spaces.study import StudyDefinition
from storage.names import check_study_name
from storage.store import Store
from trainer.data import Dataset, Decoded, Source, SourceOptions, decode, open_source, sealed
from trainer.metrics import check_metric, shown_metric
from trainer.sources.duplicates import duplicate_notes
from trainer.split import SplitReport, split_report

if TYPE_CHECKING:
    from search.plan import Plan


@dataclass(frozen=True)
class Start:
    """Everything that was checked before the database is touched."""

    request: Request
    ground: Ground
    url: str
    asked: StudyDefinition
    options: SourceOptions
    opened: Source

    @classmethod
    def of(cls, request: Request, ground: Ground) -> "Start":
        """Check name, storage, backbone, weights and data. Raises one-line errors."""
        check_study_name(request.study_name)
        url = storage_url(request.storage, request.runs)
        asked = request.asked()
        ask.check_backbone(asked.baseline.backbone)
        ask.check_weights(asked, request.weights)
        check_metric(asked.baseline.metric)
        native_to_all(request.fleet)
        options = source_options(
            request.label, request.group, request.target, request.follow_links, request.skip_broken, request.cache
        )
        return cls(request, ground, url, asked, options, open_source(request.data, options))

    def tell_plan(self) -> None:
        """Print what the study would cost, and start nothing."""
        self.ground.require()
        click.echo(f"{self.request.study_name} on {self._facts.words}; {_trains(self._resolved)}")
        self._tell_data()
        self._tell_why()
        for line in self._plan().lines():
            click.echo(line)

    def carry(self) -> None:
        """Create or join the study, work on it until it is answered, show the answer.

        Whatever cannot work (broken images, a backbone that does not fit) is told before anything is written.
        """
        request = self.request
        store = Store.connect(self.url, wait=request.wait_for_db)
        crew: list[Copy] = []
        if not self._answered(store):
            store.close()  # copies must not hold the connection too
            crew = self._copies()
            store = Store.connect(self.url)
        plan = None
        if new := store.manifest(request.study_name) is None:
            self.ground.require()
            plan = self._plan()
        # Who joins adopts the precision that was chosen there, and measures nothing.
        study, created = create_or_join(store, self._asked(self._resolved if new else self._shaped))
        folder = RunFolder.of(study, request.runs)
        folder.write_text("data.txt", "\n".join(self._data_lines()) + "\n")
        if study.finished:
            again = f"--name {study.name}-again --seed {study.definition.seed + 1}"
            click.echo(f"{study.name} is answered (search again with {again})")
        else:
            self.ground.require()
            if not request.quiet:
                click.echo(f"{'new study' if created else 'joining study'} {study.name} on {self._facts.words}")
                self._tell_data()
                click.echo(_trains(study.definition))
                if new:
                    self._tell_why()
                click.echo(f"database {shown_storage(store.url_without_secret)}")
                for line in plan.lines() if plan else ():
                    click.echo(line)
            for doubt in self._doubts(study):
                if doubt:
                    click.echo(f"warning: {doubt}", err=True)
            self._work(study, folder, crew)
        outcome.tell_answer(study, folder)

    @cached_property
    def source(self) -> Source:
        """The data of the study: with --skip-broken without the pictures that cannot be read."""
        return self._decoded.source if self.options.skip_broken else self.opened

    def _doubts(self, study: Study) -> tuple[str | None, ...]:
        return (
            other_versions(study.manifest.versions),
            other_pixels(study, self._dataset, "launch"),
            emulated(study.definition.baseline.precision, self.ground.device),
        )

    def _asked(self, resolved: StudyDefinition) -> Asked:
        request = self.request
        return Asked(
            name=request.study_name,
            definition=self.asked,
            resolved=resolved,
            data=request.data,
            data_digest=self.source.digest,
            facts=self._facts,
            target=request.target,
            code=request.own_code.texts(),
        )

    @cached_property
    def _facts(self) -> DataFacts:
        left_out = self._decoded.left_out if self.options.skip_broken else ()
        words = tuple(word for word in words_of(self.options) if not word.startswith("--cache"))
        return facts_of(self.source, self.asked.test_fraction, words, left_out)

    @cached_property
    def _split(self) -> SplitReport:
        return split_report(self.source, self.asked.folds, self.asked.test_fraction, 1000 * self.asked.seed)

    def _data_lines(self) -> tuple[str, ...]:
        left_out = (f"left out: {name}" for name in self._facts.left_out)
        report = self._split
        return (self._facts.words, *self._notes, *left_out, "", *report.lines(), "", *report.classes())

    @cached_property
    def _notes(self) -> tuple[str, ...]:
        return (*self.source.notes, *duplicate_notes(self.source))

    def _tell_data(self) -> None:
        click.echo(self._split.headline()[-1])
        for note in self._notes:
            click.echo(f"note: {note}", err=True)
        for doubt in self._split.warnings:
            click.echo(f"warning: {doubt}", err=True)
        for name in self._facts.left_out:
            click.echo(f"left out: {name}")

    def _plan(self) -> "Plan":
        with collector_paused():
            from search.plan import make_plan  # and with it all that trains: only a new study is timed

        return make_plan(self._resolved, self._dataset, self._devices, self.request.files)

    def _answered(self, store: Store) -> bool:
        manifest = store.manifest(self.request.study_name)
        return manifest is not None and Study.of(store, manifest).finished

    def _copies(self) -> list[Copy]:
        """The workers of a CPU, and those that will turn out too many for its memory."""
        if self.ground.problem or self.ground.gpus:
            return []
        with collector_paused():
            from search import work
        return copies(len(preflight.places(self.ground, self.request.workers, 0, 0)), partial(run, work.main))

    def _work(self, study: Study, folder: RunFolder, crew: list[Copy]) -> None:
        request = self.request
        arguments = ["--name", study.name, "--data", request.data, "--folder", str(folder.checkpoints)]
        arguments += ["--checkpoint-every", f"{request.checkpoint_every:g}"]
        arguments += ["--lease-seconds", f"{request.lease_seconds:g}"]
        arguments += ["--speculate", request.speculate, *words_of(self.options)]
        for file in request.files.values():
            arguments += ["--file", str(file)]
        fleet = Fleet(arguments, {"CETERIS_STORAGE": self.url}, folder.logs, crew)
        carry_to_answer(study, fleet, self._devices, request.quiet)

    @cached_property
    def _shaped(self) -> StudyDefinition:
        """All but the precision looked up: what the data are decoded for."""
        return resolve(self.asked, self.opened, "fp32")

    @cached_property
    def _resolved(self) -> StudyDefinition:
        if "precision" not in self.asked.auto:
            return self._shaped
        return resolve(self.asked, self.opened, self._chosen.precision)

    @cached_property
    def _chosen(self) -> Chosen:
        """The number format of a new study, measured."""
        request = self.request
        return choose(self._shaped.baseline, self._dataset, self.ground.device, request.files, request.fleet)

    def _tell_why(self) -> None:
        if "precision" in self.asked.auto:
            click.echo(self._chosen.words)

    @cached_property
    def _decoded(self) -> Decoded:
        geometry, options = geometry_of(self._shaped.baseline), self.options
        with decode_progress(self.request.quiet) as progress:
            return decode(
                self.opened, geometry, cache=options.cache, progress=progress, skip_broken=options.skip_broken
            )

    @cached_property
    def _dataset(self) -> Dataset:
        return sealed(self._decoded, self.asked.test_fraction)

    @cached_property
    def _devices(self) -> tuple[str, ...]:
        data = self._dataset
        in_memory = data.pixels.stored.nbytes + hard_bytes(self._shaped, len(data.development))
        return preflight.places(self.ground, self.request.workers, in_memory, self._shaped.baseline.image_size)


def _trains(definition: StudyDefinition) -> str:
    recipe = definition.baseline
    return (
        f"every run trains {recipe.backbone_name} at {recipe.image_size} px on batches of {recipe.batch_size} "
        f"in {recipe.precision}, scored by {shown_metric(recipe.metric)}"
    )
