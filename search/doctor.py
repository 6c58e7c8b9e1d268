"""`python -m search.doctor`: what this machine offers a search, and the line to type when something stands in its way.

`search.launch` calls `examine` before it starts anything. Exit code 0: fit; 4: something must be mended first.
"""

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from search import edge, machine
from search.diagnosis import Facts, Report, Wish, judge

PACKAGES = ("torchvision", "timm", "torchmetrics", "optuna", "optuna-dashboard", "sqlalchemy", "psycopg", "wandb")


def examine(folder: Path | None = None, device: str | None = None) -> Report:
    """Look at this machine and judge it; `folder` is where a study will write, `device` auto, cpu or cuda.

    Without `device`, CETERIS_DEVICE is asked, then "auto". Needs no network; takes what importing torch takes.
    """
    wished = wish(device, os.environ)
    return judge(gather(folder or Path.cwd()), wished)


def wish(device: str | None, environment: Mapping[str, str]) -> Wish:
    asked = (device or environment.get("CETERIS_DEVICE") or "auto").strip().lower()
    match asked.partition(":")[0]:
        case "auto" | "cpu" | "cuda" as known:
            return known
        case _:
            raise edge.UserError(f"device {asked!r} is not known: give auto, cpu or cuda (--device, or CETERIS_DEVICE)")


def gather(folder: Path) -> Facts:
    cards, complaint = machine.look_at_cards()
    return Facts(
        system=platform.system(),
        python=f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        torch=machine.look_at_torch(),
        cards=cards,
        visible=machine.visible(cards, os.environ),
        smi_complaint=complaint,
        amd=Path("/dev/kfd").exists(),
        cores=machine.cores(),
        memory=machine.free_memory(),
        disk=machine.free_disk(folder),
        folder=str(folder),
        packages={name: machine.installed(name) for name in PACKAGES},
    )


def lines(report: Report) -> list[str]:
    """The report as plain ASCII lines, each with its level first; a `todo` stands under its finding."""
    out: list[str] = []
    for finding in report.findings:
        out.append(f"{finding.level:<5} {finding.topic:<9} {finding.text}")
        out.extend(f"{'':<15} {line}" for line in finding.todo)
    return out


@click.command(name="doctor")
@click.option("--device", default=None, help="auto, cpu or cuda [default: CETERIS_DEVICE, else auto]")
def main(device: str | None) -> None:
    """Name Python, torch, NVIDIA driver, devices, memory and disk; exit 4 when something must be mended first."""
    report = examine(device=device)
    print("\n".join(lines(report)))
    print("fit for a search" if not report.stops else "not fit yet: mend the lines that begin with stop")
    sys.exit(report.exit_code)


if __name__ == "__main__":
    edge.run(main)
