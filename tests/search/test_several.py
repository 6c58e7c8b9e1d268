"""What holds for each of several studies that one command line names."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from search import slurm
from search.ask import Request
from search.edge import EXIT_MISTAKE, UserError
from search.several import check, requests
from spaces.lr_aug import LR_AUG
from spaces.overrides import BadOverride
from tests.search.commands import invoke


def asked(*studies: str, **given: Any) -> tuple[Request, ...]:
    defaults: dict[str, Any] = dict.fromkeys((f.name for f in dataclasses.fields(Request)), None)
    for name in ("definition_name", "settings", "tries", "name", "hours"):
        defaults.pop(name)
    defaults |= {"data": "digits", "code": (), "trust_code": False, "runs": Path("runs")}
    made = requests(studies, **{"names": (), "settings": (), "tries": (), "hours": None, **given, **defaults})
    check(made)
    return made


def test_settings_hold_for_all_studies_but_those_that_name_one() -> None:
    both = asked("lr_aug", "augment", settings=("baseline.epochs=9", "augment:baseline.lr=0.002"))
    assert [each.study_name for each in both] == ["lr_aug", "augment"]
    assert [each.asked().baseline.epochs for each in both] == [9, 9]
    assert [each.asked().baseline.lr for each in both] == [LR_AUG.baseline.lr, 0.002]
    twice = asked("lr_aug", "lr_aug", names=("small", "long"), settings=("long:baseline.epochs=40",))
    assert [each.asked().baseline.epochs for each in twice] == [LR_AUG.baseline.epochs, 40]
    (one,) = asked("lr_aug", tries=("lr_aug:loss=asymmetric",))
    assert "asymmetric" in str(one.asked().stages[1])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"names": ("a",)}, "--name is given 1 times and --study 2 times"),
        ({"names": ("a", "a")}, "2 studies would be called a;"),
        ({"hours": 3.0}, "launch the studies one after the other"),
        ({"settings": ("heads:baseline.lr=1",)}, "is for study 'heads', which is not asked for; there is lr_aug and"),
        ({"settings": ("stages.loss.trials=3",)}, "study augment: .*of lr_aug alone: --set lr_aug:PATH=VALUE"),
    ],
)
def test_what_cannot_hold_for_several_studies_is_one_line(given: dict, said: str) -> None:
    with pytest.raises((UserError, BadOverride), match=said):
        asked("lr_aug", "augment", **given)


def test_of_three_studies_the_name_that_two_would_have_is_the_one_that_is_told() -> None:
    with pytest.raises(UserError, match="2 studies would be called long;"):
        asked("lr_aug", "augment", "lr_aug", names=("short", "long", "long"))


def test_an_array_of_jobs_is_of_one_study(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = invoke(slurm.main, "--study", "a", "--study", "b", monkeypatch=monkeypatch, capsys=capsys)
    assert told.code == EXIT_MISTAKE
    assert "an array of jobs is of one study" in told.err
