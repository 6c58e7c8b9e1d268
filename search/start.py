"""From a request to a study that is created or joined. What becomes of it then: search/together.py."""

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
from search.tracking import Tracking, Wanted, offer, tracking
from search.versions import other_versions
from spaces.study import StudyDefinition
from storage.checkpoints import checkpoints_at
from storage.names import check_study_name
from storage.store import Store
from trainer.data import Source, open_source
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
    def of(cls, request: Request, ground: Ground, opened: Source | None = None) -> "Start":
        """Check name, storage, backbone, weights and data (unless they are `opened`). Raises one-line errors."""
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
        opened = opened or open_source(request.data, options)
        return cls(request, ground, url, asked, Material(asked, options, opened, request.quiet))

    def tell_plan(self, alone: bool = True) -> "Plan":
        """Print what the study would cost, and start nothing."""
        self.ground.require()
        click.echo(f"{self.request.study_name} on {self.material.facts.words}; {_trains(self._resolved)}")
        self.material.tell()
        self._tell_why()
        plan, notes = self._plan()
        for line in (*plan.lines(alone), *notes):
            click.echo(line)
        return plan

    def planned(self, store: Store) -> "tuple[Plan, tuple[str, ...]] | None":
        """The plan of a study that is not there yet, and what was cut to fit a time.

        Whatever cannot work (broken images, a backbone that does not fit) is told here, before anything is written.
        """
        if store.manifest(self.request.study_name) is not None:
            return None
        self.ground.require()
        return self._plan()

    def begin(self, store: Store, new: "tuple[Plan, tuple[str, ...]] | None", alone: bool = True) -> "Begun":
        """Create or join the study, and tell what it is. `new`: what `planned` gave."""
        request = self.request
        plan, notes = new or (None, ())
        # Who joins adopts the precision that was chosen there, and measures nothing.
        study, created = create_or_join(store, self._asked(plan.definition if plan else self.material.shaped))
        if not study.finished and (commit := commit_here()):
            study.store.measure_once(study.study_id, KEY, commit, "launcher")
        folder = RunFolder.of(study, request.runs)
        folder.write_text("data.txt", "\n".join(self.material.lines()) + "\n")
        begun = Begun(self, study, folder, Current(folder), study.finished, plan)
        if begun.answered:
            again = f"--name {study.name}-again --seed {study.definition.seed + 1}"
            click.echo(f"{study.name} is answered (search again with {again})")
            return begun
        self.ground.require()
        self._resume(study)
        if not request.quiet:
            click.echo(f"{'new study' if created else 'joining study'} {study.name} on {self.material.facts.words}")
            self.material.tell()
            click.echo(_trains(study.definition))
            if new:
                self._tell_why()
            click.echo(f"database {shown_storage(store.url_without_secret)}")
            for line in (*plan.lines(alone), *notes) if plan else ():
                click.echo(line)
            if study.resolved.hours is not None:
                click.echo(f"it has {clock(3600 * study.resolved.hours)} from its creation on")
        for doubt in self._doubts(study):
            if doubt:
                click.echo(f"warning: {doubt}", err=True)
        return begun

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
            self.devices,
            request.files,
            quick=request.quick,
            ablation=request.ablation,
        )
        return (plan, ()) if request.hours is None else fit(plan, request.hours)

    def answered(self, store: Store) -> bool:
        """Whether nothing is left to train of what this launch asks."""
        manifest = store.manifest(self.request.study_name)
        return manifest is not None and Study.of(store, manifest).answers(self.request.quick, self.request.ablation)

    def copies(self) -> list[Copy]:
        """The workers of a CPU, and those that will turn out too many for its memory."""
        if self.ground.problem or self.ground.gpus:
            return []
        with collector_paused():
            from search import work
        return copies(len(preflight.places(self.ground, self.request.workers, 0, 0)), partial(run, work.main))

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
    def devices(self) -> tuple[str, ...]:
        """Of each worker of this host."""
        image_size = self.material.shaped.baseline.image_size
        return preflight.places(self.ground, self.request.workers, self.material.in_memory, image_size)


@dataclass(frozen=True)
class Begun:
    """A study that was created or joined; `answered` before this launch. `plan`: of a new one."""

    start: Start
    study: Study
    folder: RunFolder
    report: Current
    answered: bool
    plan: "Plan | None"

    def answer(self) -> list[str]:
        """Keep the answer in the run folder; the lines of it. The study must be finished."""
        place = self.start.request.checkpoints or self.folder.checkpoints
        checkpoints = checkpoints_at(place, self.study.instance)
        return outcome.answer(self.study, self.folder, checkpoints, self.report, again=self.answered)

    def tracking(self) -> Tracking:
        """What shows it in wandb, where that was asked for."""
        request, options = self.start.request, words_of(self.start.material.options)
        wanted = Wanted(request.wandb, request.wandb_layout, request.wandb_project, request.share_images)
        if not request.quiet and (said := offer(wanted, request.runs)):
            click.echo(said)
        return tracking(wanted, self.study, self.start.url, self.folder, ["--data", request.data, *options])


def _trains(definition: StudyDefinition) -> str:
    recipe = definition.baseline
    return (
        f"every run trains {recipe.backbone_name} at {recipe.image_size} px on batches of {recipe.batch_size} "
        f"in {recipe.precision}, scored by {shown_metric(recipe.metric)}"
    )
