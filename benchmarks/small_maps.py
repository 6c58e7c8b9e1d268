"""`python -m benchmarks.small_maps`: what our convolutions on small maps save, and AdamW in the order of memory.

Milliseconds of one thread for batches of 64: single convolutions, forward and both gradients, then whole training
steps. Ways are measured in turn, round after round: medians (least to most); ratios round by round. CPU only.
"""

import time
from collections.abc import Callable, Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.cases import Settings, options, settings
from benchmarks.report import header, table
from benchmarks.rounds import Spread, ratios
from trainer.averaging import Average
from trainer.backbone import build
from trainer.execution import autocast, one_thread
from trainer.recipe import Recipe
from trainer.small_maps import install
from trainer.stored import StoredAdamW

CPU = torch.device("cpu")
CONVOLUTIONS = (  # channels, out, side of the map, stride: those of resnet18 at 64 px, and the last one at 32 px
    (64, 64, 16, 1),
    (128, 256, 8, 2),
    (256, 256, 4, 1),
    (256, 512, 4, 2),
    (512, 512, 2, 1),
    (512, 512, 1, 1),
)
NETS = (("resnet18", 64), ("resnet18", 32), ("resnet50", 64))
PRECISIONS = ("fp32", "bf16")
BATCH, CLASSES, HALF_LIFE = 64, 10, 100.0
ROUNDS = 15
THEIRS, MAPS, BOTH = "torch's", "small maps", "and AdamW"


def run(at: Settings) -> bool:
    """Print both tables. Nothing can fail: tests hold both sides equal."""
    if at.device != "cpu":
        return True
    rounds = at.rounds_or(ROUNDS)
    with one_thread():
        rows = [
            [f"{channels} to {out}, {side} x {side}, stride {stride}", precision, *cells]
            for channels, out, side, stride in (CONVOLUTIONS[-1:] if at.quick else CONVOLUTIONS)
            for precision in PRECISIONS
            for cells in [shown(timed(convolutions(channels, out, side, stride, precision), rounds))]
        ]
        print(f"\n### Small maps\n\n{table(('3x3 convolution', 'format', THEIRS, MAPS, 'ratio'), rows)}\n", flush=True)
        rows = [
            [f"{backbone} {size} px", precision, *shown(timed(steps(backbone, size, precision), rounds))]
            for backbone, size in (NETS[1:2] if at.quick else NETS)
            for precision in PRECISIONS
        ]
    print(table(("step", "format", THEIRS, MAPS, "ratio", BOTH, "ratio"), rows), flush=True)
    return True


def convolutions(channels: int, out: int, side: int, stride: int, precision: str) -> dict[str, Callable[[], object]]:
    theirs = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
    theirs.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    ours = deepcopy(theirs)
    install(ours)
    images = torch.randn(BATCH, channels, side, side).contiguous(memory_format=torch.channels_last).requires_grad_()
    above = torch.randn_like(theirs(images))

    def learn(module: nn.Module) -> None:
        with autocast(CPU, precision):  # pyright: ignore[reportArgumentType]
            seen = module(images)
        torch.autograd.grad(seen, (images, *module.parameters()), above.to(seen.dtype))

    return {THEIRS: lambda: learn(theirs), MAPS: lambda: learn(ours)}


def steps(backbone: str, size: int, precision: str) -> dict[str, Callable[[], object]]:
    first = build(Recipe(backbone=backbone, image_size=size), CLASSES, 0)
    kinds = {THEIRS: (False, torch.optim.AdamW), MAPS: (True, torch.optim.AdamW), BOTH: (True, StoredAdamW)}
    return {name: step(deepcopy(first), size, precision, *kind) for name, kind in kinds.items()}


def step(
    model: nn.Module, size: int, precision: str, small_maps: bool, kind: type[torch.optim.AdamW]
) -> Callable[[], Tensor]:
    """One step of `model`: forward, loss, backward, optimizer, average."""
    model.to(memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
    if small_maps:
        install(model)
    optimizer, average = kind(model.parameters(), fused=True), Average(model)
    images = torch.randn(BATCH, 1, size, size).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, CLASSES, (BATCH,))

    def once() -> Tensor:
        with autocast(CPU, precision):  # pyright: ignore[reportArgumentType]
            logits = model(images)
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(logits.float(), labels)
        loss.backward()
        optimizer.step()
        average.update(HALF_LIFE)
        return loss

    return once


def timed(ways: Mapping[str, Callable[[], object]], rounds: int) -> list[list[float]]:
    """Milliseconds, way by way, after two rounds that do not count."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 2):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            took[name].append(1000 * (time.perf_counter() - began))
    return [each[2:] for each in took.values()]


def shown(took: list[list[float]]) -> list[str]:
    """Of the first way its time, of every other one its time and how many times that the first took."""
    theirs = took[0]
    rest = [cell for ours in took[1:] for cell in (Spread.of(ours).shown(), ratios(theirs, ours).shown(2))]
    return [Spread.of(theirs).shown(), *rest]


def main() -> None:
    at = settings(options(__doc__).parse_args())
    print(header("cpu", 1))
    run(at)


if __name__ == "__main__":
    main()
