"""Which split and which seed a run uses: the same for all contenders, so that they differ in the recipe only."""

from dataclasses import dataclass

STUDY_SPAN = 1000  # a study of seed s owns the replicates 1000 * s .. 1000 * s + 999
PILOT_FROM = 200  # from here on, within a study, replicates share the split of its replicate 0
WHOLE_FROM = 800  # from here on, within a study, runs train on all development images and validate on none
EVERYTHING_FROM = 900  # and from here on on the test part as well: no image is left to score them on


@dataclass(frozen=True)
class Replicate:
    """`split_seed` cuts the folds, `fold` names the validation fold, `seed` draws everything else."""

    number: int
    split_seed: int
    fold: int
    folds: int
    seed: int

    @property
    def whole(self) -> bool:
        """Whether no image is kept for validation."""
        return self.number % STUDY_SPAN >= WHOLE_FROM

    @property
    def everything(self) -> bool:
        """Whether it trains on the test part, too."""
        return self.number % STUDY_SPAN >= EVERYTHING_FROM

    @classmethod
    def numbered(cls, number: int, folds: int = 5) -> "Replicate":
        """Replicate `number`, counted over all studies from 0: fold number mod `folds` of split number // `folds`.

        Pilot replicates (200 and above within their study) all train on the split of the study's replicate 0, each with
        its own seed, so that their spread is that of the seed alone.
        """
        if number < 0:
            raise ValueError(f"replicate {number}: numbers start at 0")
        if folds < 2:
            raise ValueError(f"{folds} folds: at least 2 are needed, one to train and one to validate")
        cut = number - number % STUDY_SPAN if number % STUDY_SPAN >= PILOT_FROM else number
        return cls(number=number, split_seed=cut // folds, fold=cut % folds, folds=folds, seed=number)
