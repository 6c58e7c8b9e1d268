"""A small instance of every kind of data, written to disk the way its makers write it."""

import csv
import gzip
import struct
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tests.trainer.conftest import paint
from trainer.sources.mask_labels import CLASS_NAMES
from trainer.sources.source import SourceOptions

PHOTOS = ("mask1", "mask2", "mask3", "mask4", "mask5", "incorrect_mask", "normal")


@dataclass(frozen=True)
class Variant:
    """What is not as in the plain instance: one picture, label, group or split; or how names and lines are written."""

    change: str = ""
    form: Literal["NFC", "NFD"] = "NFC"
    backwards: bool = False

    def named(self, path: Path) -> Path:
        return path.parent / unicodedata.normalize(self.form, path.name)

    def folder(self, root: Path, *names: str) -> Path:
        for name in names:
            root = self.named(root / name)
        return root


@dataclass(frozen=True)
class Instance:
    """What to open, and the class, group and side of every image that must come out, by its name."""

    spec: Path
    kind: str
    labels: dict[str, str]
    groups: dict[str, str] | None = None
    test: frozenset[str] | None = None
    options: SourceOptions = field(default_factory=SourceOptions)


Build = Callable[[Path, Variant], Instance]


def write_csv(file: Path, rows: Sequence[Sequence[Any]], encoding: str = "utf-8", delimiter: str = ",") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding=encoding, newline="") as opened:
        csv.writer(opened, delimiter=delimiter).writerows(rows)
    return file


def class_folders(root: Path, variant: Variant) -> Instance:
    labels: dict[str, str] = {}
    for number, label in enumerate(("고양이", "dog ü", "été")):
        for image in range(4):
            name = f"{label}/{image} é.png"
            if variant.change == "label" and (label, image) == ("dog ü", 3):
                name = "고양이/9.png"
            changed = variant.change == "picture" and name == "été/1 é.png"
            paint(variant.folder(root, *name.split("/")), seed=99 if changed else 10 * number + image)
            labels[name] = name.partition("/")[0]
    return Instance(root, "class folders", labels)


def grouped_folders(root: Path, variant: Variant) -> Instance:
    """Six persons, two photos each in both classes; `change` group: the last photo shows the first person."""
    labels: dict[str, str] = {}
    for person in range(6):
        for label in ("smile", "frown"):
            for image in range(2):
                name = f"{label}/persön{person}_{image}.png"
                if variant.change == "group" and (person, label, image) == (5, "smile", 1):
                    name = "smile/persön0_7.png"
                paint(variant.folder(root, *name.split("/")), seed=person + 10 * image + 100 * (label == "smile"))
                labels[name] = label
    options = SourceOptions(group=r"(pers.n\d)_")
    return Instance(root, "class folders", labels, {name: name.split("/")[1][:7] for name in labels}, None, options)


def split_folders(root: Path, variant: Variant) -> Instance:
    labels: dict[str, str] = {}
    for side, images in (("train", 4), ("val", 2), ("test", 2)):
        for number, label in enumerate(("cat", "dog")):
            for image in range(images):
                place = "train" if variant.change == "split" and (side, label, image) == ("test", "dog", 1) else side
                name = f"{place}/{label}/{side}{image}.png"
                paint(root / name, seed=100 * images + 10 * number + image)
                labels[name] = label
    return Instance(root, "class folders", labels, None, frozenset(n for n in labels if n.startswith("test/")))


def csv_manifest(root: Path, variant: Variant) -> Instance:
    rows: list[tuple[str, str, str, str]] = []
    for person in range(6):
        for image, label in enumerate(("yes", "no", "yes", "no")):
            path = f"photos/persön {person}/{image}, ü.png"
            changed = variant.change == "picture" and (person, image) == (2, 1)
            paint(variant.folder(root, *path.split("/")), seed=99 if changed else 10 * person + image)
            rows.append((path, label, f"p{person}", "test" if person >= 4 else "train"))
    match variant.change:
        case "label":
            rows[0] = (rows[0][0], "no", *rows[0][2:])
        case "group":
            rows[0] = (*rows[0][:2], "p1", rows[0][3])
        case "split":
            rows[16:20] = [(*row[:3], "train") for row in rows[16:20]]
    rows = rows[::-1] if variant.backwards else rows
    file = write_csv(root / "photos.csv", [("path", "label", "group", "split"), *rows])
    test = frozenset(path for path, _, _, split in rows if split == "test")
    labels = {path: label for path, label, _, _ in rows}
    return Instance(file, "csv", labels, {path: group for path, _, group, _ in rows}, test)


PERSONS = (("000001", "male", "29"), ("000002", "female", "30"), ("000003", "female", "60"), ("000004", "male", "59"))


def mask_contest(root: Path, variant: Variant, target: str | None = None) -> Instance:
    """Four persons with 7, 7, 7 and 5 photos; extensions of all kinds."""
    rows, labels, groups = [], {}, {}
    for number, (person, gender, age) in enumerate(PERSONS):
        if variant.change == "label" and person == "000003":
            age = "59"
        if variant.change == "group" and person == "000004":
            person = "000003"
        folder = f"{number:06d}_{gender}_Asian_{number}é"
        rows.append((person, gender, "Asian", age, folder))
        for image, photo in enumerate(PHOTOS if number < 3 else PHOTOS[:5]):
            name = f"images/{folder}/{photo}{('.jpg', '.png', '.JPEG')[number % 3]}"
            changed = variant.change == "picture" and (number, image) == (1, 3)
            paint(variant.folder(root, *name.split("/")), seed=99 if changed else 10 * number + image)
            mask = "normal" if photo == "normal" else "incorrect" if photo == "incorrect_mask" else "wear"
            band = "<30" if int(age) < 30 else "30-59" if int(age) < 60 else ">=60"
            labels[name] = {"mask": mask, "gender": gender, "age": band}.get(target or "", f"{mask} {gender} {band}")
            groups[name] = person
    rows = rows[::-1] if variant.backwards else rows
    write_csv(root / "train.csv", [("id", "gender", "race", "age", "path"), *rows])
    assert target or set(labels.values()) <= set(CLASS_NAMES)
    return Instance(root, "mask contest", labels, groups, None, SourceOptions(target=target))


def mask_target(root: Path, variant: Variant) -> Instance:
    return mask_contest(root, variant, "age")


def write_idx(file: Path, array: np.ndarray) -> Path:
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    file.parent.mkdir(parents=True, exist_ok=True)
    content = header + array.astype(np.uint8).tobytes()
    file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)
    return file


def pixels(count: int, seed: int, shape: tuple[int, ...] = (7, 9)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def idx(root: Path, variant: Variant) -> Instance:
    sides = {"train": (pixels(12, 1), np.arange(12) % 3 + 5), "t10k": (pixels(6, 2), np.arange(6) % 3 + 5)}
    if variant.change == "picture":
        sides["train"][0][3, 2, 2] ^= 1
    if variant.change == "label":
        sides["train"][1][3] = 6
    for side, (images, classes) in sides.items():
        write_idx(root / f"{side}-images-idx3-ubyte.gz", images)
        write_idx(root / f"{side}-labels-idx1-ubyte", classes)
    names = {"train": "train", "t10k": "test"}
    labels = {f"{names[side]} {i}": str(label) for side, (_, all_) in sides.items() for i, label in enumerate(all_)}
    return Instance(root, "idx", labels, None, frozenset(name for name in labels if name.startswith("test")))


def npz(root: Path, variant: Variant) -> Instance:
    images, classes, owners = pixels(12, 1, (7, 9, 3)), np.arange(12) % 3, np.arange(12) // 2
    match variant.change:
        case "picture":
            images[3, 2, 2, 1] ^= 1
        case "label":
            classes[3] = 1
        case "group":
            owners[3] = 5
    root.mkdir(parents=True, exist_ok=True)
    file = root / "glyphs.npz"
    np.savez(file, x=images, y_kind=classes, owner=owners, kinds=np.array(["é", "b", "a"]))
    labels = {f"image {i}": ("é", "b", "a")[label] for i, label in enumerate(classes)}
    groups = {f"image {i}": str(owner) for i, owner in enumerate(owners)}
    return Instance(file, "npz", labels, groups, None, SourceOptions(label="y_kind", group="owner"))


def npz_parts(root: Path, variant: Variant) -> Instance:
    """As MedMNIST has them: labels [N, 1], a validation part."""
    arrays: dict[str, np.ndarray] = {}
    labels: dict[str, str] = {}
    for number, (side, count) in enumerate((("test", 4), ("train", 8), ("val", 4))):
        arrays[f"{side}_images"], arrays[f"{side}_labels"] = pixels(count, number), np.arange(count)[:, None] % 2
        if variant.change == "label" and side == "val":
            arrays["val_labels"][0] = 1
        labels |= {f"{side} {i}": str(label) for i, label in enumerate(arrays[f"{side}_labels"][:, 0])}
    root.mkdir(parents=True, exist_ok=True)
    np.savez(root / "medical.npz", **arrays)  # pyright: ignore[reportArgumentType]
    test = frozenset(name for name in labels if name.startswith("test"))
    return Instance(root / "medical.npz", "npz", labels, None, test)


BUILDERS: dict[str, Build] = {
    "class folders": class_folders,
    "class folders with groups": grouped_folders,
    "class folders below train and test": split_folders,
    "csv": csv_manifest,
    "mask contest": mask_contest,
    "mask contest, age only": mask_target,
    "idx": idx,
    "npz": npz,
    "npz in parts": npz_parts,
}
CHANGES = {
    "class folders": ("picture", "label"),
    "class folders with groups": ("group",),
    "class folders below train and test": ("split",),
    "csv": ("picture", "label", "group", "split"),
    "mask contest": ("picture", "label", "group"),
    "mask contest, age only": ("picture", "label", "group"),
    "idx": ("picture", "label"),
    "npz": ("picture", "label", "group"),
    "npz in parts": ("label",),
}
