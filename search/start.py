"""From a request to a running study: create or join, then carry it to its answer."""

from dataclasses import dataclass
from functools import cached_property

import click

from search import ask, outcome, preflight
from search.ask import Request
from search.fleet import Fleet
from search.folder import RunFolder
from search.join import create_or_join, facts_of, resolve
from search.options import shown_storage, storage_url
from search.plan import Plan, make_plan
from search.preflight import Ground
from search.study import DataFacts, Study
from search.supervise import carry_to_answer
from spaces.study import StudyDefinition
from storage.names import check_study_name
from storage.store import Store
from trainer.data import Dataset, Source, load, open_source


@dataclass(frozen=True)
class Start:
    """Everything that was checked before the database is touched."""

    request: Request
    ground: Ground
    url: str
    asked: StudyDefinition
    source: Source
    facts: DataFacts

    @classmethod
    def of(cls, request: Request, ground: Ground) -> "Start":
        """Check name, storage, backbone, weights and data. Raises one-line errors."""
        check_study_name(request.study_name)
        url = storage_url(request.storage, request.runs)
        asked = request.asked()
        ask.check_backbone(asked.baseline.backbone)
        ask.check_weights(asked, request.weights)
        source = open_source(request.data)
        return cls(request, ground, url, asked, source, facts_of(source, asked.test_fraction))

    def tell_plan(self) -> None:
        """Print what the study would cost, and start nothing."""
        self.ground.require()
        click.echo(f"{self.request.study_name} on {self.facts.words}; {self._trains}")
        for line in self._plan().lines():
            click.echo(line)

    def carry(self) -> None:
        """Create or join the study, work on it until it is answered, show the answer.

        Whatever cannot work (broken images, a backbone that does not fit) is told before anything is written.
        """
        request = self.request
        store = Store.connect(self.url, wait=request.wait_for_db)
        plan = None
        if store.manifest(request.study_name) is None:
            self.ground.require()
            plan = self._plan()
        study, created = create_or_join(
            store, request.study_name, self.asked, self._resolved, self.source, self.facts, request.data
        )
        folder = RunFolder.of(study, request.runs)
        if study.headline() is not None:
            again = f"--name {study.name}-again --seed {study.definition.seed + 1}"
            click.echo(f"{study.name} is answered (search again with {again})")
        else:
            self.ground.require()
            if not request.quiet:
                click.echo(f"{'new study' if created else 'joining study'} {study.name} on {self.facts.words}")
                click.echo(self._trains)
                click.echo(f"database {shown_storage(store.url_without_secret)}")
                for line in plan.lines() if plan else ():
                    click.echo(line)
            self._work(study, folder)
        outcome.tell_answer(study, folder)

    @property
    def _trains(self) -> str:
        recipe = self._resolved.baseline
        return f"every run trains {recipe.backbone} at {recipe.image_size} px on batches of {recipe.batch_size}"

    def _plan(self) -> Plan:
        return make_plan(self._resolved, self._dataset, self._devices, self.request.weights)

    def _work(self, study: Study, folder: RunFolder) -> None:
        request = self.request
        arguments = ["--name", study.name, "--data", request.data, "--folder", str(folder.checkpoints)]
        arguments += ["--checkpoint-every", f"{request.checkpoint_every:g}"]
        arguments += ["--lease-seconds", f"{request.lease_seconds:g}"]
        arguments += ["--weights", str(request.weights)] if request.weights else []
        crew = Fleet(arguments, {"CETERIS_STORAGE": self.url}, folder.logs)
        carry_to_answer(study, crew, self._devices, request.quiet)

    @cached_property
    def _resolved(self) -> StudyDefinition:
        return resolve(self.asked, self.source, preflight.precision_on(self.ground.device))

    @cached_property
    def _dataset(self) -> Dataset:
        baseline = self._resolved.baseline
        return load(self.source, baseline.image_size, baseline.channels, self.asked.test_fraction)

    @cached_property
    def _devices(self) -> tuple[str, ...]:
        return preflight.places(self.ground, self.request.workers, self._dataset.images.nbytes)
