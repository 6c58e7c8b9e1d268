"""What the loss sees of a batch besides the logits."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Images [B, C, H, W] and labels [B]. `blend`: (partner labels [B], the label's own share [B] in 0..1)."""

    images: Tensor
    labels: Tensor
    blend: tuple[Tensor, Tensor] | None = None
