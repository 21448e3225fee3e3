"""One batch through a foreign model before anything is shown: forms, ranges, finiteness, and that it never samples."""

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.adapters.answers import Codes, Spread, codes_of, images_of, is_array
from explorer.adapters.foreign import (
    FORMS,
    USUAL_FORM,
    Foreign,
    ForeignCoder,
    PixelRange,
    as_given,
    as_numpy,
    quietly,
    settle,
    shaped_images,
)
from explorer.arrays import Images
from explorer.config.limits import RANGES as SETTINGS
from explorer.errors import ShapeError

TRIED = 32
"""Images that are encoded and decoded first: enough for a mean that tells ranges apart."""

MOST_VALUES = 2_000_000
"""Values in these images together: of large ones there are fewer."""

FEWEST = 5
"""Images of a trial, however large they are."""

SAME = 1e-3
"""Largest difference of two answers to the same question, in standard deviations of the answers: rounding is less."""

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


@dataclass(frozen=True, slots=True)
class Tried:
    """A model that was tried: the Coder, and in sentences what was found out about it."""

    coder: ForeignCoder
    said: tuple[str, ...]


def tried(foreign: Foreign, images: Images, came_in: PixelRange | None = None) -> Tried:
    """A model as a Coder, after it encoded and decoded some images.

    Args:
        foreign: The model; its modules are put into evaluation mode.
        images: (N, C, H, W) in [0, 1], one or more.
        came_in: Values of black and white in the images as somebody handed them over, where these were not [0, 1].

    Raises:
        ShapeError: It cannot be explored; the sentence says what it did and what to do.
    """
    said = settle(foreign)
    channels, height, width = images.shape[1:]
    shape = (channels, height, width)
    count = min(TRIED, max(FEWEST, MOST_VALUES // math.prod(shape)))
    some = np.ascontiguousarray(images[:count], dtype=np.float32)
    first = foreign.pixel_range or came_in or (0, 1)
    form, codes = _encoded_somehow(foreign, some, first)
    if form != USUAL_FORM:
        said.append(f"{foreign.title} takes images as {form}, which was found by trying.")
    latent_shape = _latent_shape(foreign, codes, len(some))
    codes, note = _steady(foreign, some, form, first, codes)
    said += note
    spread, note = _spread(foreign, codes)
    said += note
    pixel_range, note = _pixel_range(foreign, some, form, latent_shape, came_in)
    said += note
    coder = ForeignCoder(foreign, shape, form, latent_shape, spread, pixel_range)
    _check_answers(coder, foreign, some)
    width_words = "a point" if spread is None else f"a posterior ({spread.replace('_', ' ')})"
    flattened = "" if len(latent_shape) == 1 else f", flattened from {' x '.join(map(str, latent_shape))}"
    said.append(f"{foreign.title}: {width_words} of {coder.latent_dim} dimensions{flattened} for an image.")
    return Tried(coder, tuple(said))


# --- encoding ---------------------------------------------------------------------------------------------------------


def _asked(foreign: Foreign, images: Images, form: str, pixel_range: PixelRange) -> Codes:
    low, high = pixel_range
    with quietly(foreign):
        return codes_of(foreign.encode(FORMS[form](as_given(images * (high - low) + low, foreign))))


def _encoded_somehow(foreign: Foreign, images: Images, pixel_range: PixelRange) -> tuple[str, Codes]:
    """The first of `FORMS` that the encoder takes, and its answer."""
    failure: Exception | None = None
    for form in FORMS:
        if form == "(N, H, W)" and images.shape[1] != 1:
            continue
        try:
            return form, _asked(foreign, images, form, pixel_range)
        except ShapeError:  # it took them, and answered what nobody knows
            raise
        except Exception as error:  # noqa: BLE001 - the model's own code raises what it likes
            failure = failure or error
    raise ShapeError(
        f"encode of {foreign.title} does not take images of shape {(len(images), *images.shape[1:])}: "
        f"{reason_of(failure)}; hand over images as the model was fitted on, or give both functions with "
        "explorer.from_torch(encode, decode)."
    ) from failure


def reason_of(error: BaseException | None) -> str:
    """What an error of somebody's code says, on one line, without an end."""
    text = " ".join(str(error).split())[:200].rstrip(".")
    return f"{type(error).__name__}{f': {text}' if text else ''}"


def _steady(
    foreign: Foreign, images: Images, form: str, pixel_range: PixelRange, codes: Codes
) -> tuple[Codes, list[str]]:
    """The codes, once it is sure that the same images have the same ones at every call and in every batch."""
    again = _asked(foreign, images, form, pixel_range)
    if _differ(codes.mean, again.mean):
        raise ShapeError(
            f"encode of {foreign.title} answers the same images otherwise at every call: it draws from the posterior, "
            "or a module is in training mode; return the posterior mean (with its log-variance), and call .eval()."
        )
    few = max(1, len(images) // 2)
    part = _asked(foreign, images[:few], form, pixel_range)
    if _differ(codes.mean[:few], part.mean):
        raise ShapeError(
            f"encode of {foreign.title} gives an image another code when other images stand beside it, as batch "
            "normalisation in training mode does; call .eval(), or normalise by stored statistics."
        )
    if codes.draw is None:
        return codes, []
    if not _differ(codes.draw, again.draw):
        raise ShapeError(
            f"encode of {foreign.title} answers three tensors, of which none changes from call to call, so that the "
            "posterior mean is not known; return the pair (mean, log-variance)."
        )
    return codes, [f"{foreign.title} answers a draw, a mean and a log-variance; the draw is left aside."]


def _differ(first: Any, second: Any) -> bool:
    """Whether two answers differ by more than rounding; what is not finite is judged elsewhere."""
    one, other = as_numpy(first), as_numpy(second)
    if one.shape != other.shape:
        return True
    both = np.isfinite(one) & np.isfinite(other)
    if not both.any():
        return False
    scale = float(np.std(one[both])) or float(np.abs(one[both]).max()) or 1.0
    return float(np.abs(one[both] - other[both]).max()) > SAME * scale


def _latent_shape(foreign: Foreign, codes: Codes, count: int) -> tuple[int, ...]:
    shape = tuple(codes.mean.shape)
    if len(shape) < 2 or shape[0] != count or not math.prod(shape):
        raise ShapeError(
            f"encode of {foreign.title} gives codes of shape {shape} for {count} images; return one code for each "
            f"image, ({count}, d)."
        )
    most = int(SETTINGS["latent_dim"][1])
    if math.prod(shape[1:]) > most:
        raise ShapeError(
            f"encode of {foreign.title} gives {math.prod(shape[1:]):,} numbers for an image, and up to {most:,} can be "
            "explored; hand over smaller images, or a model that compresses more."
        )
    _refuse_infinite("encode", foreign, as_numpy(codes.mean))
    return shape[1:]


def _spread(foreign: Foreign, codes: Codes) -> tuple[Spread | None, list[str]]:
    """How the width of the posteriors is stated, where there is one."""
    if codes.spread is None:
        return None, []
    if tuple(codes.spread.shape) != tuple(codes.mean.shape):
        raise ShapeError(
            f"encode of {foreign.title} gives means of shape {tuple(codes.mean.shape)} with widths of shape "
            f"{tuple(codes.spread.shape)}; return both in one shape."
        )
    numbers = as_numpy(codes.spread)
    _refuse_infinite("encode", foreign, numbers)
    stated = foreign.spread or codes.states
    if stated in ("variance", "deviation") and numbers.min() <= 0:
        raise ShapeError(
            f"the {stated} that encode of {foreign.title} gives is {numbers.min():.3g} somewhere, and it must be "
            "positive; if it is a logarithm, say spread='log_variance'."
        )
    if stated is not None:
        return stated, []
    if numbers.min() >= 0:
        raise ShapeError(
            f"what encode of {foreign.title} gives as log-variance goes from {numbers.min():.3g} to "
            f"{numbers.max():.3g} and is never negative: a standard deviation or a variance, by its look; say which "
            "with explorer.from_torch(encode, decode, spread='deviation'), 'variance' or 'log_variance'."
        )
    return "log_variance", []


# --- decoding ---------------------------------------------------------------------------------------------------------


def _decoded(
    foreign: Foreign, codes: NDArray[np.float32], latent_shape: tuple[int, ...], shape: tuple[int, int, int]
) -> NDArray[np.float32]:
    """The images (n, C, H, W), as they are, of some codes (n, ...)."""
    with quietly(foreign):
        means = as_given(codes.reshape(-1, *latent_shape), foreign)
        try:
            answer = foreign.decode(means)
        except Exception as error:
            raise ShapeError(_no_decode(foreign, means, latent_shape, error)) from error
        return as_numpy(shaped_images(images_of(answer), shape))


def _no_decode(foreign: Foreign, means: Any, latent_shape: tuple[int, ...], error: Exception) -> str:
    """Why the decoder did not take the codes, and what to do."""
    size = latent_shape[0]
    if size % 2 == 0:
        try:
            fits = is_array(images_of(foreign.decode(means[:, : size // 2])))
        except Exception:  # noqa: BLE001 - as above
            fits = False
        if fits:
            return (
                f"encode of {foreign.title} gives {size} numbers in a row, and decode takes {size // 2}: mean and "
                "log-variance end to end, by their look; give both apart, as explorer.from_torch(lambda x: "
                "net.encoder(x).chunk(2, 1), net.decoder)."
            )
    return (
        f"decode of {foreign.title} does not take the codes that encode gives, of shape {tuple(means.shape)}: "
        f"{reason_of(error)}; return from encode what decode takes."
    )


def _pixel_range(
    foreign: Foreign, images: Images, form: str, latent_shape: tuple[int, ...], came_in: PixelRange | None
) -> tuple[PixelRange, list[str]]:
    """Values of black and white, as stated or found out; and what to say of that."""
    channels, height, width = images.shape[1:]
    shape = (channels, height, width)

    def answered(pixel_range: PixelRange) -> NDArray[np.float32]:
        means = as_numpy(_asked(foreign, images, form, pixel_range).mean)
        found = _decoded(foreign, means, latent_shape, shape)
        _refuse_infinite("decode", foreign, found)
        return found

    if foreign.pixel_range is not None:
        low, high = foreign.pixel_range
        found, slack = answered(foreign.pixel_range), BEYOND * (high - low)
        outside = float(((found < low - slack) | (found > high + slack)).mean())
        if outside > BEYOND:
            said = (
                f"{outside:.0%} of the decoded pixels of {foreign.title} lie outside pixel_range={_pair((low, high))}, "
                f"from {found.min():.3g} to {found.max():.3g}; they are cut off."
            )
            return foreign.pixel_range, [said]
        return foreign.pixel_range, []
    first = came_in or (0, 1)
    found = {first: answered(first)}
    for pixel_range in PIXEL_RANGES:
        with contextlib.suppress(ShapeError):  # images in a range that is not its own may drive it to infinity
            found.setdefault(pixel_range, answered(pixel_range))
    ends = {pixel_range: np.quantile(decoded, STRAY).tolist() for pixel_range, decoded in found.items()}
    told = f"decode of {foreign.title} gives values from {found[first].min():.3g} to {found[first].max():.3g}"
    origin = _decoded(foreign, np.zeros((1, *latent_shape), dtype=np.float32), latent_shape, shape)
    by_error = _by_error(found, ends, images, origin)
    opinions = {each for each in (by_error, _by_nature(ends), came_in) if each is not None}
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
    chosen = opinions.pop()
    if chosen in ((0, 1), came_in):
        return chosen, []
    said = (
        f"{told}: it takes and gives images in [{chosen[0]:g}, {chosen[1]:g}], which was found out from {len(images)} "
        f"images; say pixel_range={_pair(chosen)} to be sure."
    )
    return chosen, [said]


Ends = dict[PixelRange, tuple[float, float]]
"""The darkest and the brightest decode of images in each range."""


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

    def errors(
        decoded: Mapping[PixelRange, NDArray[np.float32]], wanted: NDArray[np.float32]
    ) -> dict[PixelRange, float]:
        return {
            (low, high): float(np.square((decoded[low, high] - low) / (high - low) - wanted).mean())
            for low, high in decoded
        }

    mean = images.mean(axis=0, keepdims=True)
    flat_error = float(np.square(images - mean).mean())
    returned = errors(found, images)
    learned = {
        pixel_range: error
        for pixel_range, error in returned.items()
        if error < max(LEARNED * flat_error, 1e-6) and _keeps_to(ends[pixel_range], pixel_range)
    }
    if not learned:
        return None
    for told in (returned, errors(dict.fromkeys(learned, origin), mean)):
        best, *others = sorted(told, key=lambda pixel_range: told[pixel_range])
        if best in learned and (not others or told[best] < BETTER * told[others[0]]):
            return best
    return None


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


def _pair(pixel_range: PixelRange) -> str:
    return f"({pixel_range[0]:g}, {pixel_range[1]:g})"


def _check_answers(coder: ForeignCoder, foreign: Foreign, images: Images) -> None:
    """Ask the finished Coder twice, as everybody will."""
    posterior = coder.encode(images)
    _refuse_infinite("encode", foreign, posterior.mean)
    decoded = coder.decode(posterior.mean)
    _refuse_infinite("decode", foreign, decoded)
    if _differ(decoded, coder.decode(posterior.mean)):
        raise ShapeError(
            f"decode of {foreign.title} answers the same latents otherwise at every call; let it return the mean of "
            "the pixels, and call .eval() on every module that it uses."
        )


def _refuse_infinite(name: str, foreign: Foreign, array: NDArray[np.floating]) -> None:
    if not np.isfinite(array).all():
        missing = float((~np.isfinite(array)).mean())
        raise ShapeError(
            f"{name} of {foreign.title} gives numbers that are not finite ({missing:.0%} of them); look at the "
            "model's weights, and at the range of the images that it takes."
        )
