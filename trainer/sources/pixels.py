"""One image file to a square of bytes."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

# Raise it when the pixels made from equal files change.
DECODER_VERSION = 1


def decode_image(file: Path, image_size: int, channels: int) -> NDArray[np.uint8]:
    """[channels, image_size, image_size]; the first frame of a moving picture. Raises what Pillow raises."""
    with warnings.catch_warnings(), Image.open(file) as image:
        warnings.simplefilter("ignore")  # a large photo, an odd tag: no reason to write on the user's terminal
        # A JPEG is decoded at a fraction of its size where that still leaves twice the pixels wanted.
        image.draft("L" if channels == 1 else "RGB", (2 * image_size, 2 * image_size))
        upright = ImageOps.exif_transpose(image)
        square = ImageOps.fit(_eight_bits(upright), (image_size, image_size), Image.Resampling.BILINEAR)
        pixels = np.asarray(square.convert("L" if channels == 1 else "RGB"))
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


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
