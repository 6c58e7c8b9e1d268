"""How busy a GPU is, as its driver counts it (NVML). Whatever goes wrong there means "not known", never an error."""

import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger("ceteris.nvml")

# The share of the last moment (1/6 to 1 s) in which the device computed, 0 to 1; None: not known.
Sampler = Callable[[], float | None]


def gpu_sampler(properties: Any, nvml: Any = None) -> Sampler | None:
    """The sampler of the GPU that `torch.cuda.get_device_properties` describes; None where NVML does not know it.

    It counts the work of every process on the GPU. `nvml` is the module pynvml, imported here.
    """
    try:
        if nvml is None:
            import pynvml as nvml
        nvml.nvmlInit()
        handle = _handle(properties, nvml)
    except Exception as error:  # noqa: BLE001 (no module, no driver, a driver that is not NVIDIA's, no right to ask)
        log.info("the use of the GPU will not be known: %s", error)
        return None

    def sample() -> float | None:
        try:
            return nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
        except Exception:  # noqa: BLE001 (a slice of a card (MIG) has no such number; a card may fall off the bus)
            return None

    return sample


def _handle(properties: Any, nvml: Any) -> Any:
    """NVML counts the cards of the machine, torch those of CUDA_VISIBLE_DEVICES: what both know is the card itself."""
    try:
        return nvml.nvmlDeviceGetHandleByUUID(f"GPU-{properties.uuid}")
    except nvml.NVMLError:
        place = f"{properties.pci_domain_id:08x}:{properties.pci_bus_id:02x}:{properties.pci_device_id:02x}.0"
        return nvml.nvmlDeviceGetHandleByPciBusId(place)
