"""`python -m benchmarks.layout`: memory layouts and number formats on nets of several families, images per core-second.

Training steps as a worker makes them (augmentation, optimizer and averaged weights included), one thread, batches of
64; the ways of a net are measured in turn, round after round: medians (least to most).
"""

import sys

import torch

from benchmarks.cases import Settings, options, settings
from benchmarks.report import header, table
from benchmarks.rounds import Spread
from trainer.data import Geometry, load, open_source
from trainer.execution import Mode, one_thread
from trainer.pace import measure
from trainer.recipe import Recipe

NETS = (
    ("test_resnet", 16, 1),
    ("test_resnet", 32, 3),
    ("resnet18", 32, 3),
    ("resnet18", 64, 3),
    ("test_efficientnet", 32, 3),
    ("mobilenetv3_small_100", 64, 3),
    ("test_convnext", 32, 3),
    ("test_vit", 32, 3),
)
WAYS = tuple((precision, channels_last) for precision in ("fp32", "bf16") for channels_last in (False, True))
ROUNDS = 5


def run(at: Settings) -> bool:
    """Print the table. Nothing can fail: it compares ours with ours."""
    names = (f"{precision}{', channels_last' if last else ''}" for precision, last in WAYS)
    found = [row(*net, at) for net in (NETS[:1] if at.quick else NETS)]
    print(f"\n### Layout and number format\n\n{table(('net', *names), found)}", flush=True)
    return True


def row(backbone: str, size: int, channels: int, at: Settings) -> list[str]:
    data, device = load(open_source("digits"), Geometry(size, channels)), torch.device(at.device)
    speeds: dict[tuple[str, bool], list[float]] = {way: [] for way in WAYS}
    with one_thread():
        for _ in range(at.rounds_or(ROUNDS)):
            for precision, last in WAYS:
                fields = {"backbone": backbone, "image_size": size, "channels": channels, "precision": precision}
                recipe = Recipe.model_validate(fields)
                pace = measure(recipe, data, device, images=256, mode=Mode(channels_last=last))
                speeds[precision, last].append(1 / pace.seconds_per_train_image)
    print(f"{backbone} {size} px is measured", file=sys.stderr, flush=True)
    return [f"{backbone} {size} px", *(Spread.of(speeds[way]).shown(0) for way in WAYS)]


def main() -> None:
    at = settings(options(__doc__).parse_args())
    print(header(at.device, 1))
    run(at)


if __name__ == "__main__":
    main()
