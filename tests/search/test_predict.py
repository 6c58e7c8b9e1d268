"""Pictures without labels get answers in the form that is asked for; what cannot be answered leaves no file."""

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from search.answers_file import spelled
from search.edge import UserError
from search.ensembles import Ensemble, Member, Shown, keep
from search.folder import RunFolder
from search.panel import of_models, whole_label
from search.predict import main
from search.predicting import code_of, predict
from tests.search.commands import Outcome, invoke
from tests.search.exported_study import Answered, answered
from tests.search.test_export_model import Hostile
from tests.search.test_use_documented import untrained
from tests.trainer.painted import paint
from trainer.answering import Answerer
from trainer.exported import CodeFile, Model, read, write
from trainer.rebuilt import net_of
from trainer.recipe import Recipe
from trainer.sources.mask_labels import CLASS_NAMES, PARTS
from trainer.sources.unlabelled import Listing, pictures_at

CPU = torch.device("cpu")
Run = Callable[..., Outcome]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answered]:
    with answered(tmp_path_factory.mktemp("predict"), replicates=2) as made:
        yield made


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """`search.predict` with these words, writing to out.csv."""

    def call(*words: str | Path) -> Outcome:
        given = [str(word) for word in words]
        return invoke(main, *given, "--out", str(tmp_path / "out.csv"), monkeypatch=monkeypatch, capsys=capsys)

    return call


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder of an untrained model for three classes of pictures in colour."""
    return saved(untrained(Recipe(image_size=16, channels=3)), tmp_path / "model")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Pictures of several sizes, kinds and depths."""
    folder = tmp_path / "photos"
    for number, size in enumerate([(40, 30), (9, 200), (1, 1), (16, 16)]):
        paint(folder / ("deep" if number % 2 else "") / f"{3 * number}.png", number, size)
    Image.new("L", (50, 20), 90).save(folder / "10.jpg")
    return folder


def saved(model: Model, folder: Path) -> Path:
    """As an export writes it, its digest made right."""
    from hashlib import sha256

    from trainer.exported import packed

    folder.mkdir(parents=True)
    about = model.about.model_copy(update={"weights_sha256": sha256(packed(model.weights)).hexdigest()})
    write(replace(model, about=about), folder, "")
    return folder


def rows_in(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def test_every_picture_of_a_folder_is_answered_in_the_order_of_its_name(
    command: Run, model: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "notes.txt").write_text("x", encoding="utf-8")
    told = command("--model", model, "--data", photos, "--probabilities")
    assert told.code == 0, told.err
    assert "left out, by their names no pictures: 1 file (.txt)" in told.out
    header, *rows = rows_in(tmp_path / "out.csv")
    assert header == ["file", "answer", "cat", "dog", "owl"]
    assert [row[0] for row in rows] == ["0.png", "6.png", "10.jpg", "deep/3.png", "deep/9.png"]
    for row in rows:
        shares = [float(cell) for cell in row[2:]]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert row[1] == header[2 + int(np.argmax(shares))]


def test_a_contest_gets_its_columns_its_order_and_its_numbering(
    command: Run, model: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "info.csv").write_text("ImageID,ans\n10.jpg,0\n0.png,0\ndeep/3.png,0\n0.png,0\n", encoding="utf-8")
    told = command("--model", model, "--data", photos)
    assert told.code == 0, told.err
    general = tmp_path / "general.csv"
    names = {row[0]: row for row in rows_in(tmp_path / "out.csv")[1:]}
    assert [row[0] for row in rows_in(tmp_path / "out.csv")] == ["ImageID", "10.jpg", "0.png", "deep/3.png", "0.png"]
    (photos / "info.csv").rename(general)
    command("--model", model, "--data", photos)
    labels = {row[0]: row[1] for row in rows_in(tmp_path / "out.csv")[1:]}
    assert {name: ["cat", "dog", "owl"][int(row[1])] for name, row in names.items()} == {n: labels[n] for n in names}
    (photos / "table.csv").write_text("id;label\n10.jpg;cat\n", encoding="utf-8")
    command("--model", model, "--data", photos, "--info", photos / "table.csv")
    assert rows_in(tmp_path / "out.csv") == [["id", "label"], ["10.jpg", labels["10.jpg"]]]


def test_a_study_answers_from_its_database_as_its_exported_model_does_without(
    ended: Answered, command: Run, photos: Path, tmp_path: Path
) -> None:
    assert command("--model", ended.folder, "--data", photos, "--probabilities").code == 0
    alone = rows_in(tmp_path / "out.csv")
    assert command("--study", "lr_aug", "--data", photos, "--probabilities", *ended.options).code == 0
    assert rows_in(tmp_path / "out.csv") == alone
    trial = command("--trial", "1-lr#0", "--data", photos, "--probabilities", *ended.options)
    assert "answered by lr_aug/1-lr#0 on cpu" in trial.out
    assert rows_in(tmp_path / "out.csv") != alone


def test_an_ensemble_answers_with_its_weights(ended: Answered, command: Run, photos: Path, tmp_path: Path) -> None:
    members = tuple(
        Member(study="lr_aug", phase=phase, trial=0, weight=weight)
        for phase, weight in (("1-lr", 0.25), ("confirm", 0.75))
    )
    shown = Shown(single=0.5, ensemble=0.6, gain=0.1, low=0.0, high=0.2)
    kept = Ensemble(
        name="both",
        vote="soft",
        chosen_by="soft",
        classes=tuple(ended.study.resolved.data.classes),
        members=members,
        metric="macro_f1",
        images=10,
        estimate=shown,
        naive=0.7,
    )
    keep(kept, RunFolder.of(ended.study, ended.runs))
    outside = Member(study="lr_aug", phase="1-lr", trial=0, weight=1, file="theirs.csv")
    keep(kept.model_copy(update={"name": "outside", "members": (outside,)}), RunFolder.of(ended.study, ended.runs))
    refused = command("--ensemble", "outside", "--data", photos, *ended.options)
    assert (refused.code, refused.out) == (2, "")
    assert "holds the predictions of theirs.csv, which answers no other pictures" in refused.err
    found = []
    for words in (["--trial", "1-lr#0"], ["--trial", "confirm#0"], ["--ensemble", "both"]):
        told = command(*words, "--data", photos, "--probabilities", *ended.options)
        assert told.code == 0, told.err
        found.append(np.array([row[2:] for row in rows_in(tmp_path / "out.csv")[1:]], dtype=float))
    assert np.abs(0.25 * found[0] + 0.75 * found[1] - found[2]).max() < 1e-5


def test_an_answer_is_spelled_as_the_contest_numbers_it_unless_its_table_or_the_names_say_otherwise() -> None:
    def table(answer: str) -> Listing:
        return Listing(Path("info.csv"), ("ImageID", "ans"), ("1.png",), (answer,))

    assert spelled(CLASS_NAMES, table("0"), "auto") == [str(number) for number in range(18)]
    assert spelled(("cat", "dog"), table("dog"), "auto") == ["cat", "dog"]
    assert spelled(("1", "5", "7"), table("0"), "auto") == ["1", "5", "7"]
    assert spelled(("1", "5", "7"), table("0"), "index") == ["0", "1", "2"]
    assert spelled(("cat", "dog"), table(""), "label") == ["cat", "dog"]


def broken_photo(photos: Path) -> list[str | Path]:
    (photos / "bad.png").write_bytes(b"no picture")
    return []


def empty_folder(photos: Path) -> list[str | Path]:
    shutil.rmtree(photos)
    photos.mkdir()
    return []


def missing_in_table(photos: Path) -> list[str | Path]:
    (photos / "info.csv").write_text("ImageID,ans\n0.png,0\ngone.png,0\n../out.csv,0\n", encoding="utf-8")
    return []


def other_recipe_version(photos: Path) -> list[str | Path]:
    file = photos.parent / "model" / "recipe.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | {"recipe_version": 1}), encoding="utf-8")
    return []


def other_format(photos: Path) -> list[str | Path]:
    file = photos.parent / "model" / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | {"format": 99}), encoding="utf-8")
    return []


def class_too_few(photos: Path) -> list[str | Path]:
    file = photos.parent / "model" / "model.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(told | {"class_names": told["class_names"][:2]}), encoding="utf-8")
    return []


def an_address_for_a_name(photos: Path) -> list[str | Path]:
    file = photos.parent / "model" / "model.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    told["timm"]["model_name"] = "hf-hub:somebody/something"
    file.write_text(json.dumps(told), encoding="utf-8")
    return []


def other_classes(photos: Path) -> list[str | Path]:
    other = untrained(Recipe(image_size=16, channels=3), ("cat", "dog", "fox"))
    return ["--model", saved(other, photos.parent / "other")]


def arrays_of_another_size(photos: Path) -> list[str | Path]:
    np.savez(photos.parent / "test.npz", x=np.zeros((3, 28, 28), dtype=np.uint8))
    return ["--data", photos.parent / "test.npz"]


def arrays_with_objects(photos: Path) -> list[str | Path]:
    np.savez(photos.parent / "test.npz", x=np.array([Hostile(photos.parent / "executed")], dtype=object))
    return ["--data", photos.parent / "test.npz"]


def out_is_a_folder(photos: Path) -> list[str | Path]:
    return ["--probabilities", "--info", photos.parent / "no.csv"]


def no_model(photos: Path) -> list[str | Path]:
    return ["--model", photos]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (broken_photo, "1 of 6 pictures in {photos} cannot be read: bad.png (not an image); repair them, or give them"),
        (empty_folder, "{photos} holds no pictures: put some in, .bmp"),
        (missing_in_table, "names 2 pictures of 3 that are not in {photos}: gone.png, ../out.csv; give the folder"),
        (other_recipe_version, "recipe version 1 is not trained here (2 is): use its release, or the plain lines of"),
        (other_format, "is of format 99, this release reads 1"),
        (class_too_few, "2 classes are named and the net tells 3 apart): export the model again"),
        (an_address_for_a_name, "timm.model_name: String should match pattern"),
        (other_classes, "answers other classes than s/confirm#0 (2 classes are in one only, such as 'fox')"),
        (arrays_of_another_size, "holds images of 28 x 28 pixels, s/confirm#0 was trained at 16 x 16"),
        (arrays_with_objects, "holds arrays of Python objects or is no npz file"),
        (out_is_a_folder, "no.csv cannot be read (No such file or directory): give the table of the contest"),
        (no_model, "model.json cannot be read (No such file or directory): give a folder that python -m search."),
    ],
)
def test_what_cannot_be_answered_is_one_line_and_leaves_an_older_file_as_it_was(
    command: Run, model: Path, photos: Path, tmp_path: Path, spoil: Callable[[Path], list[str | Path]], said: str
) -> None:
    more = spoil(photos)
    before = {file.name for file in tmp_path.iterdir()}
    for older in (None, "older"):
        if older:
            (tmp_path / "out.csv").write_text(older, encoding="utf-8")
        told = command("--model", model, "--data", photos, *more)
        assert told.code == 2, told.out
        assert said.format(photos=photos) in told.err
        assert told.err.count("\n") == 1
        assert {file.name for file in tmp_path.iterdir()} - before == ({"out.csv"} if older else set())
        assert older is None or (tmp_path / "out.csv").read_text(encoding="utf-8") == older


def test_a_picture_that_cannot_be_read_may_get_the_most_frequent_answer_and_is_named(
    command: Run, model: Path, photos: Path, tmp_path: Path
) -> None:
    command("--model", model, "--data", photos)
    whole = {row[0]: row[1] for row in rows_in(tmp_path / "out.csv")[1:]}
    broken_photo(photos)
    told = command("--model", model, "--data", photos, "--skip-broken", "--probabilities")
    assert told.code == 0
    rows = {row[0]: row for row in rows_in(tmp_path / "out.csv")[1:]}
    most = max(set(whole.values()), key=list(whole.values()).count)
    assert f"1 picture that cannot be read given the most frequent answer, {most}: bad.png (not an image)" in told.out
    assert rows.pop("bad.png") == ["bad.png", most, "", "", ""]
    assert {name: row[1] for name, row in rows.items()} == whole
    for file in photos.rglob("*.*"):
        file.write_bytes(b"no picture")
    none = command("--model", model, "--data", photos, "--skip-broken")
    assert "6 of 6 pictures" in none.err
    assert "none is left to answer" in none.err


def test_arrays_are_answered_as_they_are_or_resized_where_that_is_asked_for(
    command: Run, model: Path, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    np.savez(tmp_path / "test.npz", x=pixels)
    assert command("--model", model, "--data", tmp_path / "test.npz", "--probabilities").code == 0
    small = rows_in(tmp_path / "out.csv")
    np.savez(tmp_path / "test.npz", x=pixels.repeat(2, axis=1).repeat(2, axis=2))
    told = command("--model", model, "--data", tmp_path / "test.npz", "--resize", "--probabilities")
    assert told.code == 0, told.err
    assert [row[0] for row in small] == ["file", "0", "1", "2"]


def test_mirror_images_count_half(photos: Path) -> None:
    model = untrained(Recipe(image_size=16, channels=3))
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8, generator=draw)
    plainly, mirrored, both = (
        Answerer(net_of(model, {}), model.about, CPU, flip=flip).pixels(pixels)
        for flip, pixels in ((False, images), (False, images.flip(3)), (True, images))
    )
    assert torch.allclose((plainly + mirrored) / 2, both, atol=1e-6)
    assert not torch.allclose(plainly, both, atol=1e-4)


class Hungry(nn.Module):
    """Has memory for five pictures at a time."""

    def __init__(self, net: nn.Module, room: int = 5) -> None:
        super().__init__()
        self.net, self.room, self.most = net, room, 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if len(images) > self.room:
            raise torch.OutOfMemoryError("out of memory")
        self.most = max(self.most, len(images))
        return self.net(images)


def test_half_as_many_pictures_are_taken_at_a_time_until_they_fit(photos: Path) -> None:
    model = untrained(Recipe(image_size=16, channels=3))
    asked = pictures_at(photos, None)
    whole = Answerer(net_of(model, {}), model.about, CPU).pictures(asked.pictures, len(asked))
    net = Hungry(net_of(model, {}), room=3)
    halved = Answerer(net, model.about, CPU)
    found = halved.pictures(asked.pictures, len(asked))
    assert (halved.at_a_time, net.most) == (2, 2)
    assert np.abs(found.probabilities - whole.probabilities).max() < 1e-6
    with pytest.raises(Exception, match="too little memory for one picture of 16 px: use --device cpu"):
        Answerer(Hungry(net_of(model, {}), room=0), model.about, CPU).pictures(asked.pictures, len(asked))


def part(number: int) -> Model:
    made = untrained(Recipe(image_size=16, channels=3), PARTS[number].class_names)
    about = made.about.model_copy(update={"target": PARTS[number].name, "data_kind": "mask contest"})
    return replace(made, about=about)


def test_models_of_the_parts_answer_the_contest_as_a_product_and_one_alone_does_not(photos: Path) -> None:
    models = [part(number) for number in (2, 0, 1)]
    asked = pictures_at(photos, None)
    panel = of_models(models)
    assert panel.class_names == CLASS_NAMES
    whole_label(panel)
    answers = predict(panel, asked, CPU, {})
    age, mask, gender = (predict(of_models([each]), asked, CPU, {}).classes for each in models)
    assert (answers.classes == (mask * 2 + gender) * 3 + age).all()
    with pytest.raises(UserError, match="classes are missing: s/confirm#0 tells 2 apart"):
        whole_label(of_models([part(1)]))
    with pytest.raises(UserError, match="classes are missing: none answers age"):
        of_models([part(0), part(1)])


OWN = """
from torch import nn


class Tiny(nn.Sequential):
    def __init__(self, num_classes, in_chans):
        super().__init__(nn.Conv2d(in_chans, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes))
"""


def test_a_net_of_somebodys_own_runs_only_when_its_file_is_given_or_trusted(
    command: Run, photos: Path, tmp_path: Path
) -> None:
    from hashlib import sha256

    from trainer.own_net import own_net

    file = tmp_path / "my_nets.py"
    mark = tmp_path / "executed"
    file.write_text(f"{OWN}\nopen({str(mark)!r}, 'w').close()\n", encoding="utf-8", newline="\n")
    digest = sha256(file.read_bytes()).hexdigest()
    recipe = Recipe(backbone=f"custom:my_nets.py:Tiny@{digest}", image_size=16, channels=3)
    weights = own_net(recipe, 3, 0, {digest: file}).state_dict()
    mark.unlink()
    made = untrained(Recipe(image_size=16, channels=3))
    about = made.about.model_copy(update={"timm": None, "code": (CodeFile(file="my_nets.py", digest=digest),)})
    folder = saved(Model(about, recipe, weights, {"my_nets.py": file.read_bytes()}), tmp_path / "own")
    assert (folder / "my_nets.py").read_bytes() == file.read_bytes()
    told = command("--model", folder, "--data", photos)
    assert told.code == 2
    assert "is a net of somebody's own code, my_nets.py" in told.err
    assert not mark.exists()
    with code_of([read(folder)], (), trusted=True) as files:
        assert files[digest].read_bytes() == file.read_bytes()
    assert not mark.exists()
    assert command("--model", folder, "--data", photos, "--trust-code").code == 0
    assert command("--model", folder, "--data", photos, "--code", file).code == 0
    (folder / "my_nets.py").write_text("changed = 1", encoding="utf-8")
    assert "my_nets.py is not the file that was exported" in command("--model", folder, "--data", photos).err


def test_a_file_that_cannot_be_written_to_its_end_is_not_there(
    command: Run, model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        """A disk that takes one line."""

        def __init__(self, *given: object, **settings: object) -> None:
            self.writer = plain(*given, **settings)  # type: ignore[arg-type]

        def writerow(self, row: list[str]) -> None:
            self.writer.writerow(row)

        def writerows(self, rows: list[list[str]]) -> None:
            raise OSError(28, "No space left on device")

    plain = csv.writer
    monkeypatch.setattr(csv, "writer", Full)
    (tmp_path / "out.csv").write_text("older", encoding="utf-8")
    before = {file.name for file in tmp_path.iterdir()}
    told = command("--model", model, "--data", photos)
    assert told.code == 2
    assert "No space left on device" in told.err
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "older"
    assert {file.name for file in tmp_path.iterdir()} == before
