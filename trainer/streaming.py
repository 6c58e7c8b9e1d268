"""Images too many for the memory of their device: they stay on the host, mapped, and come batch by batch."""

import torch
from torch import Tensor

RING = 4  # batches under way at a time


class Streamed:
    """uint8 [N, C, H, W] in host memory, indexed like a tensor on `device`.

    The host keeps one copy for all its processes (a mapped cache file); each process has a few pinned buffers, from
    which batches are copied on a stream of their own while the device works on those before.
    """

    def __init__(self, stored: Tensor, device: torch.device) -> None:
        self.stored, self.device, self.shape = stored, device, stored.shape
        self._on_gpu = device.type == "cuda"
        self._side = torch.cuda.Stream(device) if self._on_gpu else None
        self._buffers: list[Tensor | None] = [None] * RING
        self._copied: list[torch.cuda.Event | None] = [None] * RING
        self._turn = 0

    def __len__(self) -> int:
        return len(self.stored)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """uint8 [B, C, H, W] on the device; int64 `rows` [B], best on the CPU: others make the host wait for them."""
        rows = rows.cpu()
        if self._side is None:
            return self.stored[rows].to(self.device)
        place = self._turn = (self._turn + 1) % RING
        if (before := self._copied[place]) is not None:
            before.synchronize()  # the copy of RING batches ago: long done
        buffer = self._buffers[place]
        if buffer is None or len(buffer) < len(rows):
            buffer = torch.empty((len(rows), *self.shape[1:]), dtype=torch.uint8, pin_memory=True)
            self._buffers[place] = buffer
        gathered = torch.index_select(self.stored, 0, rows, out=buffer[: len(rows)])
        with torch.cuda.stream(self._side):
            images = gathered.to(self.device, non_blocking=True)
            copied = torch.cuda.Event()
            copied.record()
        self._copied[place] = copied
        current = torch.cuda.current_stream(self.device)
        current.wait_event(copied)
        images.record_stream(current)
        return images


Images = Tensor | Streamed


def fits(needed: int, device: torch.device) -> bool:
    """Whether `needed` bytes may stay on `device`: at most half of what is free there; the net needs memory, too."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return 2 * needed <= free
