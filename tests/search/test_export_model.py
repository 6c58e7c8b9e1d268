"""A trained run becomes a folder that answers as the run did, says how good it is, and runs nothing."""

import hashlib
import io
import json
import pickle
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from search import predictions
from search.chosen import Chosen, choose
from search.edge import UserError
from search.export_model import main
from search.exporting import export, model_of
from search.model_card import card
from storage.checkpoints import CheckpointFolder
from tests.search.commands import invoke
from tests.search.exported_study import Answered, answered
from trainer import exported
from trainer.answering import Answerer
from trainer.exported import Model, ModelError, read
from trainer.normalise import fitted
from trainer.rebuilt import net_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answered]:
    with answered(tmp_path_factory.mktemp("export")) as made:
        yield made


def halves(model: Model, ended: Answered, rows: np.ndarray) -> np.ndarray:
    """What the model answers to rows of the study's data, kept as the database keeps answers."""
    images = ended.at.data.images(8)[torch.from_numpy(rows)]
    return Answerer(net_of(model, {}), model.about, CPU).pixels(images).numpy().astype(np.float16)


@pytest.mark.parametrize("trial", [None, "1-lr#0"])
def test_the_exported_model_answers_what_its_trial_answered_to_the_bit(
    ended: Answered, tmp_path: Path, trial: str | None
) -> None:
    chosen = ended.chosen(trial)
    export(chosen, tmp_path / "model")
    kept = predictions.read(ended.study, chosen.row.trial_id)
    assert kept is not None
    assert (halves(read(tmp_path / "model"), ended, kept.rows) == kept.probabilities.astype(np.float16)).all()


def test_the_best_confirmed_run_of_the_recommended_recipe_is_exported(ended: Answered) -> None:
    best = max(ended.rows(), key=lambda row: row.last_score or 0.0)
    about = read(ended.folder).about
    assert (about.trial, about.score, about.test_score) == (f"confirm#{best.number}", best.last_score, best.test_score)


def test_the_card_tells_score_with_interval_test_gap_classes_and_how_it_was_chosen(ended: Answered) -> None:
    text = (ended.folder / "README.md").read_text(encoding="utf-8")
    scores = [row.last_score or 0.0 for row in ended.rows()]
    told = ended.study.test_report()
    assert told is not None
    assert f"mean of 3 runs with fresh splits and seeds: {np.mean(scores):.4f} (95 % interval " in text
    assert f"Test gap: {100 * (told.validation - told.test):+.2f} points" in text
    assert all(f"| {name} | {value:.4f} |" in text for name, value in told.per_class.items())
    assert "keep the baseline: no stage found a better value" in text
    assert "the best of 3 runs, so this number flatters" in text


def test_the_card_of_a_trial_named_by_hand_claims_no_interval(ended: Answered) -> None:
    chosen = ended.chosen("1-lr#0")
    text = card(chosen, model_of(chosen))
    assert "no interval is known" in text
    assert "95 %" not in text


def test_hostile_names_stand_in_the_card_as_text(ended: Answered) -> None:
    model = read(ended.folder)
    about = model.about.model_copy(update={"data": "<script>x</script>|[a](b)"})
    text = card(ended.chosen(), replace(model, about=about))
    assert "<script>" not in text
    assert "[a](b)" not in text


def test_what_the_database_does_not_hold_is_taken_from_the_data(
    ended: Answered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(predictions, "read", lambda *given: None)
    with pytest.raises(UserError, match=r"does not hold what the images of confirm#\d were normalised by"):
        model_of(ended.chosen())
    arguments = ["--study", "lr_aug", "--out", str(tmp_path / "model"), "--data", "digits", *ended.options]
    told = invoke(main, *arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert told.code == 0, told.err
    assert "confirm#" in told.out
    assert read(tmp_path / "model").about == read(ended.folder).about


def test_a_run_on_every_image_is_exported_with_the_normalisation_of_every_image(ended: Answered) -> None:
    chosen, data = ended.chosen(), ended.at.data
    whole = replace(chosen, row=replace(chosen.row, trial_id=-1, replicate=900, last_score=None), recommended=False)
    model = model_of(whole, lambda: data)
    mean, spread = fitted(data.images(8), torch.arange(len(data.labels)))
    assert model.about.mean == tuple(mean.float().tolist())
    assert model.about.std == tuple(spread.float().tolist())
    assert "no honest validation score of them is known" in card(whole, model)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--trial", "nonsense"], "names no trial; write PHASE#NUMBER"),
        (["--trial", "confirm#77"], "has no trial confirm#77; there is"),
        (["--study", "other"], "no study is called 'other'"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_line(
    ended: Answered,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    out = tmp_path / "model"
    told = invoke(main, *arguments, "--out", str(out), *ended.options, monkeypatch=monkeypatch, capsys=capsys)
    assert told.code == 2
    assert said in told.err
    assert told.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(ended: Answered, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="is there already"):
        export(ended.chosen(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_an_export_that_fails_leaves_nothing(ended: Answered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exported, "_write_json", full)
    with pytest.raises(UserError, match="No space left on device"):
        export(ended.chosen(), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


class Hostile:
    """Unpickled, it leaves a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.mark,)


def test_a_hostile_pickle_is_refused_in_one_line_wherever_weights_are_read(ended: Answered, tmp_path: Path) -> None:
    mark, bad = tmp_path / "executed", io.BytesIO()
    torch.save({"weight": Hostile(mark)}, bad)
    for payload in (bad.getvalue(), pickle.dumps(Hostile(mark)), b"", b"\x00" * 100):
        chosen = Chosen(ended.study, ended.rows()[0], ended.chosen().pointer, payload)
        with pytest.raises(UserError, match="are no plain table of tensors") as refused:
            export(chosen, tmp_path / "model")
        assert "\n" not in str(refused.value)
        shutil.copytree(ended.folder, tmp_path / "copy", dirs_exist_ok=True)
        (tmp_path / "copy" / "weights.safetensors").write_bytes(payload)
        with pytest.raises(ModelError, match="is not the file that was exported"):
            read(tmp_path / "copy")
        told = json.loads((tmp_path / "copy" / "model.json").read_text(encoding="utf-8"))
        told["weights_sha256"] = hashlib.sha256(payload).hexdigest()
        (tmp_path / "copy" / "model.json").write_text(json.dumps(told), encoding="utf-8")
        with pytest.raises(ModelError, match="is no safetensors file") as refused:
            read(tmp_path / "copy")
        assert "\n" not in str(refused.value)
    assert not mark.exists()
    torch.load(io.BytesIO(bad.getvalue()), weights_only=False)
    assert mark.exists(), "the file was harmless: this test shows nothing"


def test_weights_that_are_nowhere_near_are_named_with_their_host(ended: Answered, tmp_path: Path) -> None:
    (row,) = ended.rows("1-lr")
    ended.study.store.drop_blobs([row.trial_id], "weights")
    with pytest.raises(UserError, match=r"the weights of lr_aug/1-lr#0 are not here: run this on .*search.pull"):
        choose(ended.study, "1-lr#0", CheckpointFolder(tmp_path))
    assert ended.chosen("1-lr#0").payload, "they are in the folder of the one who trained them"
