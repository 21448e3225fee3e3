"""What an encoder or a decoder may answer, and which arrays are meant: one entry of a table each.

An array is a torch tensor or a numpy array, and while a model is traced a stand-in of torch.fx; nothing here computes
with the numbers of one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from torch import fx

from explorer.errors import ShapeError

Spread: TypeAlias = Literal["log_variance", "variance", "deviation", "log_deviation"]
"""How an encoder states the width of a posterior."""

SPREADS: tuple[Spread, ...] = get_args(Spread)

MEANS = ("mean", "mu", "loc", "z_mean", "embedding", "latents", "latent", "code", "codes", "z")
"""Names under which an answer may hold the posterior mean, or the code, the most telling first."""

SPREAD_NAMES: Mapping[str, Spread] = {
    "log_variance": "log_variance",
    "logvar": "log_variance",
    "log_var": "log_variance",
    "log_covariance": "log_variance",
    "z_log_var": "log_variance",
    "logsigma": "log_deviation",
    "log_std": "log_deviation",
    "variance": "variance",
    "var": "variance",
    "stddev": "deviation",
    "scale": "deviation",
    "std": "deviation",
    "sigma": "deviation",
}
"""Names under which an answer may hold the width of the posterior, and how each states it."""

IMAGES = ("reconstruction", "recon_x", "recon", "sample", "images", "image", "pixels", "x_hat", "mean", "probs", "loc")
"""Names under which an answer may hold decoded images, the most telling first."""


@dataclass(frozen=True, slots=True)
class Codes:
    """What an encoder answered.

    Attributes:
        mean: Posterior means, or codes, (N, ...).
        spread: Width of the posteriors, of the same shape; None for points.
        states: How the width is stated where the answer itself says so; None where it does not.
        words: What the answer was, for a person.
        draw: A draw that came with them, (N, ...), or None.
    """

    mean: Any
    spread: Any
    states: Spread | None
    words: str
    draw: Any = None


def is_array(part: object) -> bool:
    """Whether something is an array of numbers, or stands in for one while a model is traced."""
    return isinstance(part, torch.Tensor | np.ndarray | fx.Proxy)


def codes_of(answer: Any) -> Codes:
    """The posterior mean, and the width where there is one, in what `encode` answered.

    Raises:
        ShapeError: It is none of the answers of `ENCODED`.
    """
    for read in ENCODED:
        found = read(answer)
        if found is not None:
            return found
    raise ShapeError(
        f"encode answers {described(answer)}, in which no code is known; return the posterior mean, the pair "
        "(mean, log-variance), or a distribution."
    )


def images_of(answer: Any) -> Any:
    """The images in what `decode` answered, (N, ...).

    Raises:
        ShapeError: It is none of the answers of `DECODED`.
    """
    for read in DECODED:
        found = read(answer)
        if found is not None:
            return found
    raise ShapeError(f"decode answers {described(answer)}, in which no images are known; return a tensor (N, C, H, W).")


def described(answer: Any) -> str:
    """An answer in a few words: its type, and what it holds."""
    if is_array(answer):
        return f"a tensor of shape {tuple(answer.shape)}"
    if isinstance(answer, Mapping):
        return f"a {type(answer).__name__} with {', '.join(map(str, list(answer)[:8])) or 'nothing'}"
    if isinstance(answer, tuple | list):
        return f"{len(answer)} things ({'; '.join(described(each) for each in answer[:4])})"
    return f"a {type(answer).__name__}"


# --- encoders ---------------------------------------------------------------------------------------------------------


def _plain_code(answer: Any) -> Codes | None:
    return Codes(answer, None, None, "a code") if is_array(answer) else None


def _wrapped(answer: Any) -> Codes | None:
    """An output that holds the distribution, as diffusers' `AutoencoderKLOutput`."""
    inside = getattr(answer, "latent_dist", None)
    return None if inside is None else codes_of(inside)


def _named(answer: Any) -> Codes | None:
    """A mapping, a named tuple, or a dataclass with arrays under known names, as pythae's `ModelOutput`."""
    held = arrays_by_name(answer, (*MEANS, *SPREAD_NAMES))
    mean = next((name for name in MEANS if name in held), None)
    if mean is None:
        return None
    spread = next((name for name in SPREAD_NAMES if name in held), None)
    words = f"{mean} of a {type(answer).__name__}" + ("" if spread is None else f", with {spread}")
    return Codes(held[mean], held.get(spread or ""), None if spread is None else SPREAD_NAMES[spread], words)


def _in_a_row(answer: Any) -> Codes | None:
    """A tuple or list of arrays: the mean; the mean and its width; or a draw before these two."""
    if not isinstance(answer, tuple | list) or not 1 <= len(answer) <= 3 or not all(map(is_array, answer)):
        return None
    parts: list[Any] = list(answer)
    if len(parts) == 1:
        return Codes(parts[0], None, None, "a code")
    if any(isinstance(part, fx.Proxy) for part in parts):  # the trial has seen the shapes
        return Codes(parts[-2], parts[-1], None, "")
    shapes = {tuple(part.shape) for part in parts}
    if len(shapes) > 1:
        raise ShapeError(
            f"encode answers {described(answer)}, which do not go together as mean and log-variance; return the "
            "posterior mean alone, or both in one shape."
        )
    if len(parts) == 2:
        return Codes(parts[0], parts[1], None, "the pair (mean, log-variance)")
    return Codes(parts[1], parts[2], None, "a draw with its mean and log-variance", draw=parts[0])


ENCODED: Sequence[Callable[[Any], Codes | None]] = (_plain_code, _wrapped, _named, _in_a_row)
"""What `encode` may answer, tried in this order."""


# --- decoders ---------------------------------------------------------------------------------------------------------


def _plain_images(answer: Any) -> Any:
    return answer if is_array(answer) else None


def _named_images(answer: Any) -> Any:
    held = arrays_by_name(answer, IMAGES)
    return next((held[name] for name in IMAGES if name in held), None)


def _first_images(answer: Any) -> Any:
    """The first of several arrays: images, or means of pixels before their widths."""
    if isinstance(answer, tuple | list) and answer and is_array(answer[0]):
        return answer[0]
    return None


DECODED: Sequence[Callable[[Any], Any]] = (_plain_images, _named_images, _first_images)
"""What `decode` may answer, tried in this order."""


def arrays_by_name(answer: Any, names: Sequence[str]) -> dict[str, Any]:
    """The arrays that something holds under some names, as keys or as attributes; a method is no array."""
    if is_array(answer):
        return {}
    found = {}
    for name in names:
        try:
            held = answer.get(name) if isinstance(answer, Mapping) else getattr(answer, name, None)
        except NotImplementedError:  # torch's distributions raise it for what they cannot state
            continue
        if is_array(held):
            found[name] = held
    return found
