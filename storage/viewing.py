"""Optuna's storage as its dashboard sees it: with system attributes that are made on looking and stand in no table."""

from collections.abc import Container, Iterable, Mapping
from typing import Any, Protocol

from optuna.artifacts import ArtifactMeta
from optuna.storages import RDBStorage
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from storage.notes import artifact_attr


class Shows(Protocol):
    """What is shown beside the rows."""

    def notes(self, optuna_study: str) -> Mapping[str, Any]:
        """System attributes of an Optuna study: the notes of its trials."""
        ...

    def artifacts(self, trial_id: int) -> Iterable[ArtifactMeta]:
        """The artifacts of a trial."""
        ...


class Viewer(RDBStorage):
    """Made by `storage.reading.optuna_storage`, then given `shows`. What stands in the tables comes first."""

    shows: Shows

    def get_all_studies(self) -> list[FrozenStudy]:
        studies = super().get_all_studies()
        for study in studies:
            study.system_attrs = self._with_notes(study.study_name, study.system_attrs)
        return studies

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._with_notes(self.get_study_name_from_id(study_id), super().get_study_system_attrs(study_id))

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return [self._with_artifacts(trial) for trial in super().get_all_trials(study_id, deepcopy, states)]

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self._with_artifacts(super().get_trial(trial_id))

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
        return self.get_trial(trial_id).system_attrs

    def _with_notes(self, name: str, attrs: Mapping[str, Any]) -> dict[str, Any]:
        return {**self.shows.notes(name), **attrs}

    def _with_artifacts(self, trial: FrozenTrial) -> FrozenTrial:
        made = dict(artifact_attr(each) for each in self.shows.artifacts(trial._trial_id))
        trial._system_attrs = {**made, **trial._system_attrs}
        return trial
