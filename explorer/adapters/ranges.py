"""Between which values a model takes and gives pixels, where nobody said: told by what it decodes, or not at all."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from explorer.adapters.foreign import PixelRange
from explorer.arrays import Images
from explorer.errors import ShapeError

PIXEL_RANGES: tuple[PixelRange, ...] = ((0, 1), (-1, 1), (0, 255))
"""Values of black and white that are found out by themselves."""

BEYOND = 0.05
"""Share of a range by which decodes may leave it: a last layer without an activation overshoots a little."""

DARKEST = -0.9
"""Value that a decoder of images in [-1, 1] reaches where something is dark, and no other by overshooting."""

OVERSHOOT = 0.5
"""Share of a range by which single decodes of a model that was fitted in it may leave it."""

LOGIT = 1.5
"""Magnitude from which decodes lie in neither [0, 1] nor [-1, 1], but are logits or normalised values."""

LEAST_BYTES = 64
"""Brightest decode from which values are grey levels out of 255."""

STRAY = (0.002, 0.998)
"""Quantiles of decoded pixels that count as the darkest and the brightest."""

BETTER = 0.5
"""Share of the squared error of the second best range that the best one must keep to."""


LEARNED = 0.9
"""Share of the squared error of the mean image that a model keeps to which learned anything."""


Ends = dict[PixelRange, tuple[float, float]]
"""The darkest and the brightest decode of images in each range."""


def range_of(
    found: dict[PixelRange, NDArray[np.float32]],
    images: Images,
    origin: NDArray[np.float32],
    came_in: PixelRange | None,
    told: str,
) -> PixelRange:
    """Values of black and white of a model, by what it makes of images in each of several ranges.

    Args:
        found: Its decodes, as they are, (n, C, H, W), of the codes of the images in each range.
        images: (n, C, H, W) in [0, 1].
        origin: The decode of the latent 0, (1, C, H, W).
        came_in: Values of black and white in the images as somebody handed them over, where these were not [0, 1].
        told: What decode gave, as the beginning of a sentence.

    Raises:
        ShapeError: It is not clear; the sentence says how to say it.
    """
    low, high = STRAY
    ends = {key: (float(np.quantile(each, low)), float(np.quantile(each, high))) for key, each in found.items()}
    opinions = {
        each for each in (_by_error(found, ends, images, origin), _by_nature(ends), came_in) if each is not None
    }
    opinions = opinions or {each for each in (_by_look(ends),) if each is not None}
    if not opinions and all(low < -LOGIT or high > LOGIT for low, high in ends.values()):
        raise ShapeError(
            f"{told}, which lie in no range of pixels; if these are logits, give decode with a sigmoid, as "
            "explorer.from_torch(net.encode, lambda z: net.decode(z).sigmoid()), else say pixel_range=(black, white)."
        )
    if len(opinions) != 1:
        raise ShapeError(
            f"{told}, from which it is not clear whether black and white are (0, 1) or (-1, 1); say it with "
            "pixel_range=(0, 1) or pixel_range=(-1, 1)."
        )
    return opinions.pop()


def _by_error(
    found: dict[PixelRange, NDArray[np.float32]], ends: Ends, images: Images, origin: NDArray[np.float32]
) -> PixelRange | None:
    """The range in which the images come back far better than in any other, and better than their mean; or None.

    A linear model reconstructs in every range equally well, but only in its own is the decode of the origin the mean.

    Args:
        found: Decodes of images in each range.
        ends: Their darkest and brightest.
        images: (n, C, H, W) in [0, 1].
        origin: The decode of the latent 0, (1, C, H, W).
    """
    mean = images.mean(axis=0, keepdims=True)
    flat_error = float(np.square(images - mean).mean())
    returned = _errors(found, images)
    learned = {
        pixel_range: error
        for pixel_range, error in returned.items()
        if error < max(LEARNED * flat_error, 1e-6) and _keeps_to(ends[pixel_range], pixel_range)
    }
    if not learned:
        return None
    for told in (returned, _errors(dict.fromkeys(learned, origin), mean)):
        best, *others = sorted(told, key=lambda pixel_range: told[pixel_range])
        if best in learned and (not others or told[best] < BETTER * told[others[0]]):
            return best
    return None


def _errors(decoded: Mapping[PixelRange, NDArray[np.float32]], wanted: NDArray[np.float32]) -> dict[PixelRange, float]:
    """Mean squared error of decodes (n, C, H, W) of each range, brought to [0, 1], against images."""
    back = {(low, high): (images - low) / (high - low) for (low, high), images in decoded.items()}
    return {pixel_range: float(np.square(images - wanted).mean()) for pixel_range, images in back.items()}


def _keeps_to(ends: tuple[float, float], pixel_range: PixelRange) -> bool:
    """Whether decodes between two values are pixels of a range."""
    (least, most), (low, high) = ends, pixel_range
    slack = OVERSHOOT * (high - low)
    return low - slack <= least and most <= high + slack and (high < LEAST_BYTES or most >= LEAST_BYTES)


def _by_nature(ends: Ends) -> PixelRange | None:
    """[0, 1] where no decode leaves it whatever is encoded, as a sigmoid's never does; else None."""
    slack = 0.4 * BEYOND
    near = [ends[pixel_range] for pixel_range in ((0, 1), (-1, 1)) if pixel_range in ends]
    return (0, 1) if all(-slack <= low and high <= 1 + slack for low, high in near) else None


def _by_look(ends: Ends) -> PixelRange | None:
    """[-1, 1] where decodes of images in that range fill it; else None."""
    low, high = ends.get((-1, 1), (0.0, 0.0))
    slack = 0.4 * BEYOND
    return (-1, 1) if -1 - slack <= low < DARKEST and high <= 1 + slack else None
