"""What the facts about a machine mean for a search: findings, and whether a search may start. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from search.edge import EXIT_PREFLIGHT
from search.machine import Card, Torch
from search.remedies import ON_CPU, SELECTOR, install, reinstall, ways_to_cuda

Level = Literal["ok", "warn", "stop"]
Wish = Literal["auto", "cpu", "cuda"]
GIB = 2**30
# The oldest driver, by its first number, that runs a torch built for this CUDA (NVIDIA's minor version compatibility).
OLDEST_DRIVER = {"11": 450, "12": 525, "13": 580}


@dataclass(frozen=True)
class Finding:
    """One line of the examination; `todo` holds the lines to type, or the ways out, for a warn or a stop."""

    level: Level
    topic: str
    text: str
    todo: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Everything that `judge` looks at; `cards` are all of the machine, `visible` those CUDA_VISIBLE_DEVICES leaves."""

    system: str
    python: str
    torch: Torch
    cards: tuple[Card, ...]
    visible: tuple[Card, ...]
    smi_complaint: str
    amd: bool
    cores: int
    memory: int
    disk: int
    folder: str
    packages: dict[str, str | None]


@dataclass(frozen=True)
class Report:
    """What launch needs: the `device` a search will use, the `cards` it may use, cores, free bytes."""

    findings: tuple[Finding, ...]
    device: Literal["cpu", "cuda"]
    cards: tuple[Card, ...]
    cores: int
    memory: int
    disk: int

    @property
    def stops(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level == "stop")

    @property
    def exit_code(self) -> int:
        return EXIT_PREFLIGHT if self.stops else 0


def judge(facts: Facts, wished: Wish = "auto") -> Report:
    """Facts in, findings out; pure, so that every kind of machine can be tested on any."""
    torch = facts.torch
    usable = torch.devices > 0 and not torch.error
    gpu = _gpu(facts)
    if wished == "cpu" and gpu.level == "stop" and not torch.error:
        gpu = Finding("ok", gpu.topic, f"{gpu.text}; the CPU is used, as asked")
    elif wished == "cuda" and gpu.level != "stop" and not usable:
        gpu = Finding("stop", "gpu", f"a GPU is asked for, but {gpu.text}", (ON_CPU,))
    device: Literal["cpu", "cuda"] = "cuda" if usable and wished != "cpu" and gpu.level != "stop" else "cpu"
    busy = [card for card in facts.visible if card.busy] if device == "cuda" else []
    findings = [
        Finding("ok", "python", facts.python),
        _torch(torch),
        gpu,
        *(Finding("ok", f"gpu {card.index}", _describe(card)) for card in facts.visible if card not in busy),
        *(Finding("warn", f"gpu {card.index}", f"{_describe(card)}: somebody else uses it") for card in busy),
        Finding("ok", "device", "the GPU" if device == "cuda" else f"the CPU, {facts.cores} cores"),
        _room("memory", facts.memory, "free", warn=2 * GIB, stop=GIB // 4),
        _room("disk", facts.disk, f"free in {facts.folder}", warn=5 * GIB, stop=GIB // 4),
        _packages(facts.packages),
    ]
    return Report(
        tuple(findings),
        device,
        facts.visible if device == "cuda" else (),
        facts.cores,
        facts.memory,
        facts.disk,
    )


def _torch(torch: Torch) -> Finding:
    if torch.error:
        return Finding("stop", "torch", f"{torch.version} cannot be imported: {torch.error}", (f"type: {reinstall()}",))
    built = f"built for CUDA {torch.cuda}" if torch.cuda else f"built for ROCm {torch.hip}" if torch.hip else "CPU only"
    return Finding("ok", "torch", f"{torch.version}, {built}")


def _gpu(facts: Facts) -> Finding:
    """The one question that matters: is a GPU here that torch cannot use, and why."""
    torch, cards = facts.torch, facts.visible
    if not facts.cards:
        return _no_card_named(facts)
    driver = f"driver {facts.cards[0].driver}"
    if not cards:
        return Finding("ok", "gpu", f"{len(facts.cards)} here ({driver}), hidden by CUDA_VISIBLE_DEVICES")
    if torch.error:
        return Finding("warn", "gpu", f"{driver}; not asked, for torch cannot be imported")
    if torch.cuda is None:
        built = "for ROCm" if torch.hip else "without CUDA"
        text = f"{cards[0].name} is here, but torch {torch.version} is built {built}"
        return Finding("stop", "gpu", text, ways_to_cuda(facts.system))
    needed = OLDEST_DRIVER.get(torch.cuda.partition(".")[0], 0)
    first = cards[0].driver.partition(".")[0]
    if not torch.devices and first.isdigit() and int(first) < needed:
        text = f"{driver} is too old for torch {torch.version}: CUDA {torch.cuda} wants driver {needed} or newer"
        older = f"or a torch for an older CUDA: choose it at {SELECTOR}, run the line shown with --force-reinstall"
        update = f"update the NVIDIA driver to {needed} or newer, then restart"
        return Finding("stop", "gpu", text, (update, older, ON_CPU))
    if not torch.devices:
        text = f"{cards[0].name} is here ({driver}), but torch cannot use it: {torch.complaint or 'it names no reason'}"
        check = "see what `nvidia-smi` prints; in a container, start it with the GPUs (docker run --gpus all)"
        return Finding("stop", "gpu", text, (check, f"or type: {reinstall()}", ON_CPU))
    unfit = [card for card in cards if card.capability and not runs_on(torch.architectures, card.capability)]
    if unfit:
        has = " ".join(torch.architectures)
        capability = ".".join(map(str, unfit[0].capability or ()))
        text = f"{unfit[0].name} has compute capability {capability}, torch {torch.version} has code for {has} only"
        choose = f"choose a torch for it at {SELECTOR} (an older CUDA for an older card), with --force-reinstall"
        spared = [str(card.index) for card in cards if card not in unfit]
        others = (f"or leave it out: CUDA_VISIBLE_DEVICES={','.join(spared)}",) if spared else ()
        return Finding("stop", "gpu", text, (choose, *others, ON_CPU))
    return Finding("ok", "gpu", f"{torch.devices} usable, {driver}")


def _no_card_named(facts: Facts) -> Finding:
    """nvidia-smi names no card: none is here, or it is broken, or the card is of another make."""
    if facts.torch.devices:
        return Finding("ok", "gpu", f"{facts.torch.devices} usable, as torch says")
    if "mismatch" in facts.smi_complaint:  # the kernel's half of the driver runs, so a card is here
        todo = ("restart the machine: the driver was updated while it ran", ON_CPU)
        return Finding("stop", "gpu", f"the driver does not work: {facts.smi_complaint}", todo)
    if facts.smi_complaint:
        return Finding("warn", "gpu", f"none can be seen: {facts.smi_complaint}")
    if facts.amd and not facts.torch.hip:
        return Finding("warn", "gpu", f"an AMD GPU may be here; torch for ROCm (Linux): {SELECTOR}")
    return Finding("ok", "gpu", "no NVIDIA GPU here")


def runs_on(architectures: tuple[str, ...], capability: tuple[int, int]) -> bool:
    """Whether code for these runs on a card: `sm_` of the same major number up to its minor, or any older `compute_`.

    As the CUDA programming guide has it; a letter (sm_90a) binds the code to exactly that card. Nothing known: assumed.
    """
    major, minor = capability
    for name in architectures:
        found = re.fullmatch(r"(sm|compute)_(\d+)(\d)([a-z]?)", name)
        if found is None:
            continue
        kind, letter, built = found[1], found[4], (int(found[2]), int(found[3]))
        if built == capability or (not letter and kind == "sm" and built[0] == major and built[1] <= minor):
            return True
        if not letter and kind == "compute" and built <= capability:
            return True
    return not architectures


def _describe(card: Card) -> str:
    memory = "memory unknown" if card.memory is None else f"{card.memory / GIB:.0f} GiB"
    free = "" if card.free is None else f", {card.free / GIB:.0f} GiB free"
    return f"{card.name}, {memory}{free}" + ("" if card.load is None else f", {card.load} % busy")


def _room(topic: str, free: int, text: str, warn: int, stop: int) -> Finding:
    said = f"{free / GIB:.1f} GiB {text}"
    if free < stop:
        todo = f"free some {topic}, then the same line again"
        return Finding("stop", topic, f"{said}: too little to work with", (todo,))
    return Finding("warn" if free < warn else "ok", topic, said)


def _packages(packages: Mapping[str, str | None]) -> Finding:
    missing = [name for name, version in packages.items() if version is None]
    if missing:
        return Finding("stop", "packages", f"missing: {', '.join(missing)}", (f"type: {install()}",))
    return Finding("ok", "packages", ", ".join(f"{name} {version}" for name, version in packages.items()))
