"""Corruptions of images (images, channels, height, width) whose pixels are 0 to 1; what they give is clipped to that.

Severities are those of Hendrycks and Dietterich 2019, "Benchmarking neural network robustness to common corruptions and
perturbations": of CIFAR-10-C for images of up to 64 pixels, of ImageNet-C for larger ones. Beside theirs stand a box
blur as wide as the Gaussian one (of the same variance) and translations.
"""

from collections.abc import Callable, Mapping
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float64]
Corrupt = Callable[[Pixels, float, np.random.Generator], Pixels]
SEVERITIES = (1, 2, 3, 4, 5)
_SMALL_SIDE = 64
_TRUNCATED = 4.0
"""Where a Gaussian kernel ends, in standard deviations."""


def corrupted(name: str, pixels: Pixels, severity: int, random: np.random.Generator) -> Pixels:
    """Return `pixels` with the corruption `name`, a key of `CORRUPTIONS`, of severity 1 to 5."""
    corrupt, small, large = CORRUPTIONS[name]
    sizes = small if max(pixels.shape[2:]) <= _SMALL_SIDE else large
    return np.clip(corrupt(pixels, sizes[severity - 1], random), 0.0, 1.0)


def _gaussian_noise(pixels: Pixels, deviation: float, random: np.random.Generator) -> Pixels:
    return pixels + random.normal(scale=deviation, size=pixels.shape)


def _shot_noise(pixels: Pixels, photons: float, random: np.random.Generator) -> Pixels:
    """Count as many photons as a white pixel sends `photons` of on average."""
    return random.poisson(pixels * photons) / photons


def _impulse_noise(pixels: Pixels, share: float, random: np.random.Generator) -> Pixels:
    """Set a share of the values to an end, either one as often."""
    drawn = random.random(pixels.shape)
    return np.where(drawn < share / 2, 0.0, np.where(drawn < share, 1.0, pixels))


def _gaussian_blur(pixels: Pixels, deviation: float, _: np.random.Generator) -> Pixels:
    reach = int(_TRUNCATED * deviation + 0.5)
    return _convolved(pixels, np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2))


def _box_blur(pixels: Pixels, deviation: float, _: np.random.Generator) -> Pixels:
    """Take the mean over a square, to the outermost pixels of which a part belongs: its variance is the Gaussian's.

    Source: Gwosdek et al. 2011, "Theoretical foundations of Gaussian convolution by extended box filtering".
    """
    variance = deviation**2
    whole = int((sqrt(1 + 12 * variance) - 1) / 2)
    width = 2 * whole + 1
    part = (variance - whole * (whole + 1) / 3) * width / (2 * ((whole + 1) ** 2 - variance))
    return _convolved(pixels, np.array([part, *[1.0] * width, part]))


def _convolved(pixels: Pixels, weights: Pixels) -> Pixels:
    """Weigh neighbours in both directions; behind an edge its pixels go on."""
    reach = len(weights) // 2
    for axis in (2, 3):
        size = pixels.shape[axis]
        places = np.clip(np.arange(-reach, size + reach), 0, size - 1)
        padded = np.take(pixels, places, axis=axis)
        shifted = (np.take(padded, np.arange(size) + step, axis=axis) for step in range(len(weights)))
        pixels = sum(
            (weight * part for weight, part in zip(weights / weights.sum(), shifted, strict=True)),
            np.zeros(pixels.shape),
        )
    return pixels


def _contrast(pixels: Pixels, share: float, _: np.random.Generator) -> Pixels:
    """Draw the values of each channel of an image to their mean."""
    means = pixels.mean(axis=(2, 3), keepdims=True)
    return np.asarray((pixels - means) * share + means)


def _brightness(pixels: Pixels, more: float, _: np.random.Generator) -> Pixels:
    """Raise the value of HSV, the largest channel; hue and saturation stay."""
    value = pixels.max(axis=1, keepdims=True)
    raised = np.minimum(value + more, 1.0)
    return np.asarray(np.where(value > 0, pixels * (raised / np.where(value > 0, value, 1.0)), raised))


def _pixelate(pixels: Pixels, share: float, _: np.random.Generator) -> Pixels:
    """Make images smaller by means over boxes, and as large as before by the nearest pixel."""
    for axis in (2, 3):
        size = pixels.shape[axis]
        fewer = max(int(size * share), 1)
        edges = np.arange(fewer + 1) * size / fewer
        middles = np.arange(size) + 0.5
        # A pixel belongs to the box that its middle is in, as in Pillow.
        is_inside = (middles > edges[:-1, None]) & (middles <= edges[1:, None])
        weights = is_inside / is_inside.sum(axis=1, keepdims=True)
        means = np.moveaxis(np.tensordot(pixels, weights, axes=(axis, 1)), -1, axis)
        pixels = np.take(means, (middles * fewer / size).astype(np.int64), axis=axis)
    return pixels


def _translation(pixels: Pixels, share: float, random: np.random.Generator) -> Pixels:
    """Move each image by whole pixels, at least one, to one of four sides; behind it the edge goes on."""
    moved = np.array(pixels)
    sides = random.integers(4, size=len(pixels))
    for side in range(4):
        axis, sign = 2 + side // 2, 1 - 2 * (side % 2)
        size = pixels.shape[axis]
        places = np.clip(np.arange(size) + sign * ceil(share * size), 0, size - 1)
        moved[sides == side] = np.take(pixels[sides == side], places, axis=axis)
    return moved


_BLURS = (0.4, 0.6, 0.7, 0.8, 1.0), (1.0, 2.0, 3.0, 4.0, 6.0)
_SHIFTS = (0.04, 0.08, 0.12, 0.16, 0.2)
CORRUPTIONS: Mapping[str, tuple[Corrupt, tuple[float, ...], tuple[float, ...]]] = {
    "gaussian noise": (_gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.1), (0.08, 0.12, 0.18, 0.26, 0.38)),
    "shot noise": (_shot_noise, (500, 250, 100, 75, 50), (60, 25, 12, 5, 3)),
    "impulse noise": (_impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07), (0.03, 0.06, 0.09, 0.17, 0.27)),
    "gaussian blur": (_gaussian_blur, *_BLURS),
    "box blur": (_box_blur, *_BLURS),
    "contrast": (_contrast, (0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05)),
    "brightness": (_brightness, (0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5)),
    "pixelate": (_pixelate, (0.95, 0.9, 0.85, 0.75, 0.65), (0.6, 0.5, 0.4, 0.3, 0.25)),
    "translation": (_translation, _SHIFTS, _SHIFTS),
}
"""What is done, and with which sizes by severity: of small images, of large ones."""
