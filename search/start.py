"""From a request to a running study: create or join, then carry it to its answer."""

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

import click

from search import ask, outcome, preflight
from search.ask import Request
from search.commit import KEY, commit_here
from search.copies import Copy, copies
from search.data_options import source_options, words_of
from search.edge import UserError, run
from search.fleet import Fleet
from search.folder import RunFolder
from search.halted import told
from search.join import Asked, create_or_join
from search.loading import collector_paused
from search.material import Material
from search.options import shown_storage, storage_url
from search.pixels import other_pixels
from search.precision import Chosen, choose, emulated, native_to_all
from search.preflight import Ground
from search.progress import clock
from search.report_files import Current
from search.resolve import resolve
from search.study import Study
from search.supervise import carry_to_answer
from search.tracking import Wanted, offer, tracking
from search.versions import other_versions
from spaces.study import StudyDefinition
from storage.checkpoints import check_place, checkpoints_at
from storage.names import check_study_name
from storage.store import Store
from trainer.data import open_source
from trainer.metrics import check_metric, shown_metric

if TYPE_CHECKING:
    from search.plan import Plan


@dataclass(frozen=True)
class Start:
    """Everything that was checked before the database is touched."""

    request: Request
    ground: Ground
    url: str = field(repr=False)
    asked: StudyDefinition
    material: Material

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
        return cls(
            request, ground, url, asked, Material(asked, options, open_source(request.data, options), request.quiet)
        )

    def tell_plan(self) -> None:
        """Print what the study would cost, and start nothing."""
        self.ground.require()
        click.echo(f"{self.request.study_name} on {self.material.facts.words}; {_trains(self._resolved)}")
        self.material.tell()
        self._tell_why()
        plan, notes = self._plan()
        for line in (*plan.lines(), *notes):
            click.echo(line)

    def carry(self) -> None:
        """Create or join the study, work on it until it is answered, show the answer.

        Whatever cannot work (broken images, a backbone that does not fit) is told before anything is written.
        """
        request = self.request
        store = Store.connect(self.url, wait=request.wait_for_db, patience=request.db_patience)
        crew: list[Copy] = []
        if not self._answered(store):
            store.close()  # copies must not hold the connection too
            crew = self._copies()
            if request.checkpoints:  # after the copies: the client of S3 has threads, which no copy of a process has
                check_place(request.checkpoints)
            store = Store.connect(self.url, patience=request.db_patience)
        plan, notes = None, ()
        if new := store.manifest(request.study_name) is None:
            self.ground.require()
            plan, notes = self._plan()
        # Who joins adopts the precision that was chosen there, and measures nothing.
        study, created = create_or_join(store, self._asked(plan.definition if plan else self.material.shaped))
        if not study.finished and (commit := commit_here()):
            study.store.measure_once(study.study_id, KEY, commit, "launcher")
        folder = RunFolder.of(study, request.runs)
        report, answered = Current(folder), study.finished
        folder.write_text("data.txt", "\n".join(self.material.lines()) + "\n")
        if answered:
            again = f"--name {study.name}-again --seed {study.definition.seed + 1}"
            click.echo(f"{study.name} is answered (search again with {again})")
        else:
            self.ground.require()
            self._resume(study)
            if not request.quiet:
                click.echo(f"{'new study' if created else 'joining study'} {study.name} on {self.material.facts.words}")
                self.material.tell()
                click.echo(_trains(study.definition))
                if new:
                    self._tell_why()
                click.echo(f"database {shown_storage(store.url_without_secret)}")
                for line in (*plan.lines(), *notes) if plan else ():
                    click.echo(line)
                if study.resolved.hours is not None:
                    click.echo(f"it has {clock(3600 * study.resolved.hours)} from its creation on")
            for doubt in self._doubts(study):
                if doubt:
                    click.echo(f"warning: {doubt}", err=True)
            self._work(study, folder, crew, report)
        checkpoints = checkpoints_at(request.checkpoints or folder.checkpoints, study.instance)
        outcome.tell_answer(study, folder, checkpoints, report, again=answered)

    def _resume(self, study: Study) -> None:
        """Raises `UserError` when the study was stopped and this launch was not told to go on with it."""
        halt = study.store.halt(study.study_id)
        if halt is not None and not self.request.resume:
            raise UserError(f"{told(study, halt)}; the same line with --resume goes on with it, on every server")
        if halt is not None:
            study.store.resume(study.study_id)

    def _doubts(self, study: Study) -> tuple[str | None, ...]:
        return (
            other_versions(study.manifest.versions),
            other_pixels(study, self.material.dataset, "launch"),
            emulated(study.definition.baseline.precision, self.ground.device),
        )

    def _asked(self, resolved: StudyDefinition) -> Asked:
        request = self.request
        return Asked(
            name=request.study_name,
            definition=self.asked,
            resolved=resolved,
            data=request.data,
            data_digest=self.material.source.digest,
            facts=self.material.facts,
            target=request.target,
            code=request.own_code.texts(),
            quick=request.quick,
            ablation=request.ablation,
            hours=request.hours,
        )

    def _plan(self) -> tuple["Plan", tuple[str, ...]]:
        """What a new study would cost; of the definition that fits where a time is given, and what was cut."""
        with collector_paused():
            from search.fitting import fit
            from search.plan import make_plan  # and with it all that trains: only a new study is timed

        request = self.request
        plan = make_plan(
            self._resolved,
            self.material.dataset,
            self._devices,
            request.files,
            quick=request.quick,
            ablation=request.ablation,
        )
        return (plan, ()) if request.hours is None else fit(plan, request.hours)

    def _answered(self, store: Store) -> bool:
        manifest = store.manifest(self.request.study_name)
        return manifest is not None and Study.of(store, manifest).answers(self.request.quick, self.request.ablation)

    def _copies(self) -> list[Copy]:
        """The workers of a CPU, and those that will turn out too many for its memory."""
        if self.ground.problem or self.ground.gpus:
            return []
        with collector_paused():
            from search import work
        return copies(len(preflight.places(self.ground, self.request.workers, 0, 0)), partial(run, work.main))

    def _work(self, study: Study, folder: RunFolder, crew: list[Copy], report: Current) -> None:
        request = self.request
        arguments = ["--name", study.name, "--data", request.data, "--folder", str(folder.checkpoints)]
        arguments += ["--checkpoint-every", f"{request.checkpoint_every:g}"]
        if request.idle_exit is not None:
            arguments += ["--idle-exit", f"{request.idle_exit:g}"]
        arguments += ["--lease-seconds", f"{request.lease_seconds:g}", "--db-patience", f"{request.db_patience:g}"]
        if request.checkpoints:
            arguments += ["--checkpoints", request.checkpoints]
        elif not study.store.one_host:
            arguments += ["--weights-in-db", f"{request.weights_in_db:g}"]
        arguments += ["--speculate", request.speculate, *words_of(self.material.options)]
        for file in request.files.values():
            arguments += ["--file", str(file)]
        fleet = Fleet(arguments, {"CETERIS_STORAGE": self.url}, folder.logs, crew)
        wanted = Wanted(request.wandb, request.wandb_layout, request.wandb_project, request.share_images)
        if not request.quiet and (said := offer(wanted, request.runs)):
            click.echo(said)
        data = ["--data", request.data, *words_of(self.material.options)]
        follow = tracking(wanted, study, self.url, folder, data)
        carry_to_answer(study, fleet, self._devices, request.quiet, follow, report.look)

    @cached_property
    def _resolved(self) -> StudyDefinition:
        if "precision" not in self.asked.auto:
            return self.material.shaped
        return resolve(self.asked, self.material.opened, self._chosen.precision)

    @cached_property
    def _chosen(self) -> Chosen:
        """The number format of a new study, measured."""
        request = self.request
        return choose(
            self.material.shaped.baseline, self.material.dataset, self.ground.device, request.files, request.fleet
        )

    def _tell_why(self) -> None:
        if "precision" in self.asked.auto:
            click.echo(self._chosen.words)

    @cached_property
    def _devices(self) -> tuple[str, ...]:
        image_size = self.material.shaped.baseline.image_size
        return preflight.places(self.ground, self.request.workers, self.material.in_memory, image_size)


def _trains(definition: StudyDefinition) -> str:
    recipe = definition.baseline
    return (
        f"every run trains {recipe.backbone_name} at {recipe.image_size} px on batches of {recipe.batch_size} "
        f"in {recipe.precision}, scored by {shown_metric(recipe.metric)}"
    )
