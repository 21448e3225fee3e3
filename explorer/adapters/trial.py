"""One batch through a foreign model before anything is shown: forms, ranges, finiteness, and that it never samples."""

import contextlib
import math
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
from explorer.adapters.ranges import BEYOND, PIXEL_RANGES, range_of
from explorer.arrays import Images
from explorer.config.limits import RANGES as SETTINGS
from explorer.errors import ShapeError

TRIED = 32
"""Images that are encoded and decoded first: enough for a mean that tells ranges apart."""

MOST_VALUES = 1_000_000
"""Values in these images together: of large ones there are fewer."""

FEWEST = 5
"""Images of a trial, however large they are."""

SAME = 1e-3
"""Largest difference of two answers to the same question, in standard deviations of the answers: rounding is less."""


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
    told = f"decode of {foreign.title} gives values from {found[first].min():.3g} to {found[first].max():.3g}"
    origin = _decoded(foreign, np.zeros((1, *latent_shape), dtype=np.float32), latent_shape, shape)
    chosen = range_of(found, images, origin, came_in, told)
    if chosen in ((0, 1), came_in):
        return chosen, []
    said = (
        f"{told}: it takes and gives images in [{chosen[0]:g}, {chosen[1]:g}], which was found out from {len(images)} "
        f"images; say pixel_range={_pair(chosen)} to be sure."
    )
    return chosen, [said]


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
