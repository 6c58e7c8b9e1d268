"""The one way to timm: everybody else takes its names from here.

`timm.utils` imports wandb wherever that is installed, for an option of its own training script. That costs each worker
half a second, and a machine whose temporary folder is full cannot even do it. So wandb is hidden while timm loads,
which timm takes as "not installed"; whoever imports wandb afterwards gets it as ever.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _hidden(package: str) -> Iterator[None]:
    """Inside, `import package` raises ModuleNotFoundError; a package that is loaded already is left alone."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # pyright: ignore[reportArgumentType]  the documented way to say so
    try:
        yield
    finally:
        del sys.modules[package]


with _hidden("wandb"):
    import timm
    from timm.layers.blur_pool import BlurPool2d
    from timm.layers.patch_embed import PatchEmbed
    from timm.layers.std_conv import ScaledStdConv2d
    from timm.loss.binary_cross_entropy import BinaryCrossEntropy
    from timm.models import get_pretrained_cfg

__all__ = ["BinaryCrossEntropy", "BlurPool2d", "PatchEmbed", "ScaledStdConv2d", "get_pretrained_cfg", "timm"]
