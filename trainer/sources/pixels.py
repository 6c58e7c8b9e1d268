"""One picture to a square of bytes."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from trainer.geometry import Geometry

# Raise it when the pixels made from equal files change.
DECODER_VERSION = 1
_SMOOTH = Image.Resampling.BILINEAR


def square(image: Image.Image, geometry: Geometry) -> NDArray[np.uint8]:
    """[channels, size, size]; the first frame of a moving picture, upright. Raises what Pillow raises.

    Wherever a picture has that size already, its pixels come out untouched.
    """
    mode = "L" if geometry.channels == 1 else "RGB"
    # A JPEG is decoded at a fraction of its size where that still leaves twice the pixels wanted.
    image.draft(mode, (2 * geometry.size, 2 * geometry.size))
    upright = ImageOps.exif_transpose(image)
    pixels = np.asarray(_fitted(_eight_bits(upright), geometry).convert(mode))
    return pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)


def _fitted(image: Image.Image, geometry: Geometry) -> Image.Image:
    side = geometry.size, geometry.size
    if geometry.fit == "crop":
        return ImageOps.fit(image, side, _SMOOTH)
    if geometry.fit == "squash":
        return image.resize(side, _SMOOTH)
    # Pillow's own contain() asks for a height of 0 where a picture is very wide.
    scale = geometry.size / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    framed = Image.new(image.mode, side)
    framed.paste(image.resize((width, height), _SMOOTH), ((side[0] - width) // 2, (side[1] - height) // 2))
    return framed


def _eight_bits(image: Image.Image) -> Image.Image:
    """As L or RGB: Pillow would cut 16-bit grey off at 255 and resize a palette's indices; transparency shows white."""
    if image.mode.startswith("I"):
        levels = np.asarray(image).astype(np.int64)
        return Image.fromarray((levels.clip(0, 65535) >> 8).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("pixels are floating-point numbers of unknown range")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        paint = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", paint.size, "white"), paint).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")
