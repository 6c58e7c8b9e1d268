"""Bytes to numbers of mean 0 and standard deviation 1 per channel, over the training images of one fold."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Normalise:
    mean: Tensor  # [1, C, 1, 1], of bytes 0..255
    scale: Tensor  # [1, C, 1, 1], 1 / standard deviation

    @classmethod
    def fitted(cls, images: Tensor, train: Tensor) -> "Normalise":
        """Of uint8 `images` [N, C, H, W] the ones at `train`. From counts of bytes: exact, the same on every device."""
        channels = images.shape[1]
        counts = torch.zeros(channels, 256, dtype=torch.int64, device=images.device)
        for index in train.split(4096):
            part = images[index].transpose(0, 1).flatten(1).to(torch.int64)
            for channel in range(channels):
                counts[channel] += part[channel].bincount(minlength=256)
        shares = counts.cpu().double() / counts.cpu().sum(dim=1, keepdim=True)
        levels = torch.arange(256, dtype=torch.float64)
        mean = shares @ levels
        spread = (shares @ levels.square() - mean.square()).clamp(min=1).sqrt()  # at least one level: an empty channel
        return cls(
            mean.float().view(1, -1, 1, 1).to(images.device), (1 / spread).float().view(1, -1, 1, 1).to(images.device)
        )

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 [B, C, H, W] -> float32."""
        return images.to(torch.float32).sub_(self.mean).mul_(self.scale)
