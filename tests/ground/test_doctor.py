"""What the doctor says of machines of every kind, and what it reads off the tools that are asked."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from search import doctor, machine
from search.diagnosis import Facts, judge, runs_on
from search.edge import UserError
from search.machine import MIB, Card, Torch, look_at_cards, visible

GIB = 2**30
CUDA = Torch("2.14.1+cu130", cuda="13.0", architectures=("sm_75", "sm_80", "sm_90", "compute_120"))
CPU_ONLY = Torch("2.14.1+cpu")
H200 = Card(0, "GPU-aa11", "NVIDIA H200", "580.95.05", 144384 * MIB, 4 * MIB, 0, (9, 0))
BUSY = Card(1, "GPU-bb22", "NVIDIA H200", "580.95.05", 144384 * MIB, 90000 * MIB, 98, (9, 0))
BARE = Facts(
    system="Linux",
    python="3.11.7 on Linux x86_64",
    torch=CUDA,
    cards=(),
    visible=(),
    smi_complaint="",
    amd=False,
    cores=2,
    memory=16 * GIB,
    disk=50 * GIB,
    folder="here",
    packages={"timm": "1.0.31"},
)


def with_cards(*cards: Card, torch: Torch = CUDA, usable: int | None = None) -> Facts:
    count = len(cards) if usable is None else usable
    return replace(BARE, torch=replace(torch, devices=count), cards=cards, visible=cards)


def said(report: doctor.Report) -> str:
    return "\n".join(doctor.lines(report))


def test_a_machine_without_a_gpu_is_fit_and_works_on_the_cpu() -> None:
    report = judge(BARE)
    assert (report.exit_code, report.device, report.cards) == (0, "cpu", ())


def test_a_usable_gpu_is_used_and_a_busy_one_is_named() -> None:
    report = judge(with_cards(H200, BUSY))
    assert (report.exit_code, report.device, report.cards) == (0, "cuda", (H200, BUSY))
    assert [card.busy for card in report.cards] == [False, True]
    assert [f.level for f in report.findings if f.topic == "gpu 1"] == ["warn"]


def test_a_card_is_busy_by_memory_or_by_load_alone() -> None:
    assert replace(BUSY, load=None).busy
    assert replace(H200, load=90).busy
    assert not replace(H200, load=25, used=H200.memory and H200.memory // 4).busy


def test_a_gpu_with_a_cpu_only_torch_stops_with_the_line_to_type() -> None:
    report = judge(with_cards(H200, torch=CPU_ONLY, usable=0))
    assert report.exit_code == 4
    assert " -m pip install --force-reinstall -c constraints.txt torch==" in said(report)
    assert "--device cpu" in said(report)


def test_on_windows_the_line_to_type_comes_from_the_selector_page_for_pip_alone_gives_no_cuda_there() -> None:
    report = judge(replace(with_cards(H200, torch=CPU_ONLY, usable=0), system="Windows"))
    assert report.exit_code == 4
    assert "pytorch.org/get-started/locally" in said(report)
    assert "torch==" in said(report)


def test_the_versions_to_type_are_the_pinned_ones() -> None:
    pinned = Path(__file__).parents[2].joinpath("constraints.txt").read_text(encoding="utf-8").split()
    line = next(t for t in judge(with_cards(H200, torch=CPU_ONLY, usable=0)).stops[0].todo if "pip install" in t)
    pins = [word for word in line.split() if "==" in word]
    assert len(pins) == 2
    assert set(pins) <= set(pinned)


def test_a_driver_too_old_for_the_build_stops_and_names_the_driver_wanted() -> None:
    report = judge(with_cards(replace(H200, driver="535.183.01"), usable=0))
    assert report.exit_code == 4
    assert "driver 535.183.01 is too old" in said(report)
    assert "580 or newer" in said(report)


def test_an_older_driver_that_works_all_the_same_is_no_reason_to_stop() -> None:
    assert judge(with_cards(replace(H200, driver="535.183.01"))).device == "cuda"


def test_a_gpu_that_torch_cannot_use_for_another_reason_stops_with_torchs_own_words() -> None:
    torch = replace(CUDA, complaint="CUDA initialization: unknown error")
    report = judge(with_cards(H200, torch=torch, usable=0))
    assert report.exit_code == 4
    assert "CUDA initialization: unknown error" in said(report)


def test_a_card_that_torch_has_no_code_for_stops_and_the_others_can_be_chosen() -> None:
    old = replace(BUSY, name="Tesla P100", capability=(6, 0))
    report = judge(with_cards(H200, old))
    assert report.exit_code == 4
    assert "compute capability 6.0" in said(report)
    assert "CUDA_VISIBLE_DEVICES=0" in said(report)


@pytest.mark.parametrize(
    ("capability", "fits"),
    [((7, 5), True), ((8, 0), True), ((8, 9), True), ((9, 0), True), ((6, 1), False), ((7, 0), False), ((9, 1), False)],
)
def test_code_runs_on_its_own_generation_from_its_minor_number_on(capability: tuple[int, int], fits: bool) -> None:
    assert runs_on(("sm_75", "sm_80", "sm_90a"), capability) is fits


def test_intermediate_code_runs_on_every_later_card() -> None:
    assert runs_on(("sm_75", "compute_90"), (12, 1))
    assert not runs_on(("compute_90",), (8, 9))


def test_hidden_gpus_mean_the_cpu_and_no_stop_even_with_a_cpu_only_torch() -> None:
    report = judge(replace(with_cards(H200, torch=CPU_ONLY, usable=0), visible=()))
    assert (report.exit_code, report.device) == (0, "cpu")
    assert "hidden by CUDA_VISIBLE_DEVICES" in said(report)


def test_the_cpu_on_purpose_goes_on_and_still_says_what_is_wrong() -> None:
    report = judge(with_cards(H200, torch=CPU_ONLY, usable=0), "cpu")
    assert (report.exit_code, report.device) == (0, "cpu")
    assert "built without CUDA" in said(report)
    assert judge(with_cards(H200), "cpu").device == "cpu"


def test_a_gpu_asked_for_where_there_is_none_stops() -> None:
    assert judge(BARE, "cuda").exit_code == 4
    assert judge(replace(with_cards(H200), visible=(), torch=CUDA), "cuda").exit_code == 4


def test_a_torch_that_cannot_be_imported_stops_whatever_is_asked_for() -> None:
    broken = replace(BARE, torch=Torch("2.14.1", error="RuntimeError: operator torchvision::nms does not exist"))
    for wished in ("auto", "cpu", "cuda"):
        report = judge(broken, wished)
        assert report.exit_code == 4
        assert "torchvision::nms" in said(report)


def test_a_half_updated_driver_stops_and_a_driver_without_a_card_does_not() -> None:
    half = replace(BARE, smi_complaint="Failed to initialize NVML: Driver/library version mismatch")
    none = replace(BARE, smi_complaint="NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.")
    assert judge(half).exit_code == 4
    assert judge(none).exit_code == 0
    assert "couldn't communicate" in said(judge(none))


def test_a_full_disk_stops_and_a_missing_package_stops_with_the_line_to_type() -> None:
    assert judge(replace(BARE, disk=GIB // 8)).exit_code == 4
    missing = judge(replace(BARE, packages={"timm": None}))
    assert missing.exit_code == 4
    assert "pip install -r requirements.txt -c constraints.txt" in said(missing)


def test_what_the_doctor_says_is_plain_ascii_and_names_no_package_index() -> None:
    for facts in (BARE, with_cards(H200, BUSY), with_cards(H200, torch=CPU_ONLY, usable=0)):
        for system in ("Linux", "Windows"):
            text = said(judge(replace(facts, system=system)))
            assert text.isascii()
            assert "index-url" not in text
            assert "://" not in text


def answering(stdout: str, code: int = 0, stderr: str = "") -> machine.Smi:
    return lambda arguments: subprocess.CompletedProcess(arguments, code, stdout, stderr)


def test_cards_are_read_off_nvidia_smi_also_where_it_does_not_say_everything() -> None:
    text = (
        "0, GPU-aa11, NVIDIA H200, 580.95.05, 143771, 4, 0, 9.0\n"
        "1, GPU-bb22, NVIDIA GB10, 580.95.05, [N/A], [N/A], [N/A], 12.1\n"
    )
    (first, second), complaint = look_at_cards(answering(text))
    assert complaint == ""
    assert (first.memory, first.free, first.capability) == (143771 * MIB, 143767 * MIB, (9, 0))
    assert (second.memory, second.free, second.busy, second.capability) == (None, None, False, (12, 1))


def test_no_nvidia_smi_and_no_card_are_no_complaint_but_a_failing_or_hung_one_is() -> None:
    def hung(arguments: list[str]) -> None:
        raise subprocess.TimeoutExpired(arguments, 5)

    assert look_at_cards(lambda arguments: None) == ((), "")
    assert look_at_cards(answering("No devices were found", 6)) == ((), "")
    assert look_at_cards(answering("Failed to initialize NVML:\nmismatch", 18)) == (
        (),
        "Failed to initialize NVML: mismatch",
    )
    assert "5 s" in look_at_cards(hung)[1]


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (None, [0, 1]),
        ("", []),
        ("-1", []),
        ("1", [1]),
        ("1,0", [1, 0]),
        ("0,7,1", [0]),
        ("GPU-bb", [1]),
        ("NoDevFiles", []),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(asked: str | None, left: list[int]) -> None:
    environment = {} if asked is None else {"CUDA_VISIBLE_DEVICES": asked}
    assert [card.index for card in visible((H200, BUSY), environment)] == left


def test_the_wish_comes_from_the_option_before_the_environment_and_a_wrong_one_is_refused() -> None:
    assert doctor.wish(None, {}) == "auto"
    assert doctor.wish(None, {"CETERIS_DEVICE": "CPU"}) == "cpu"
    assert doctor.wish("cuda", {"CETERIS_DEVICE": "cpu"}) == "cuda"
    with pytest.raises(UserError, match="auto, cpu or cuda"):
        doctor.wish("gpu", {})


def test_this_machine_is_examined_for_real(tmp_path: Path) -> None:
    report = doctor.examine(tmp_path / "not" / "yet", device="cpu")
    assert report.device == "cpu"
    assert 1 <= report.cores <= (os.cpu_count() or 1)
    assert min(report.memory, report.disk) > 0


def test_a_share_of_the_cores_is_respected() -> None:
    affinity = getattr(os, "sched_getaffinity", None)
    assert machine.cores() <= (len(affinity(0)) if affinity else os.cpu_count() or 1)


@pytest.mark.parametrize(("device", "code"), [("cpu", 0), ("gpu", 2)])
def test_the_command_ends_with_the_documented_code_on_a_console_of_another_code_page(device: str, code: int) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "cp949:strict", "PYTHONUTF8": "0", "CETERIS_DEVICE": device}
    ended = subprocess.run([sys.executable, "-m", "search.doctor"], env=environment, capture_output=True, timeout=120)
    assert ended.returncode == code, ended.stderr
    assert b"Traceback" not in ended.stderr
    assert (b"fit for a search" in ended.stdout) is (code == 0)


@pytest.mark.gpu
def test_on_a_gpu_machine_the_doctor_finds_the_gpu_usable() -> None:
    report = doctor.examine()
    assert (report.exit_code, report.device) == (0, "cuda"), said(report)
