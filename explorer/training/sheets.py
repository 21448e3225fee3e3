"""What is kept of an epoch of a fit: a small sheet of decodes, never a pixel of a data set, and some codes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.encoding import encode_all
from explorer.analysis.frames import fit_frame
from explorer.analysis.laws import sample_raw, sample_white
from explorer.arrays import Coder, ImageRows, Latents
from explorer.checkpoint import MOST_EPOCH_CODES, EpochCodes, one_sentence, write_bytes
from explorer.config import has_prior
from explorer.data import ImageSet, Split
from explorer.images import encoded_picture, tile

SIDE = 8
"""Images along each side of a sheet."""

HALF = float(np.finfo(np.float16).max)
"""Largest float16; a code beyond it, which only a fit that diverges has, is kept as it."""


def sheet_latents(family: str, codes: Latents) -> Latents:
    """The latents of one sheet, (SIDE * SIDE, d), the same noise at every epoch.

    Args:
        family: A variational one is sampled from its prior, any other from the best single Gaussian of its codes
            (the law 'white').
        codes: Posterior means of held-out images, (V, d), which give that Gaussian.
    """
    latent_dim = codes.shape[1]
    frame = fit_frame(codes)
    if latent_dim == 2:  # a lattice shows all there is
        ticks = np.linspace(-2, 2, SIDE, dtype=np.float32)
        lattice = np.stack(np.meshgrid(ticks, -ticks), axis=-1).reshape(-1, 2)
        return lattice if has_prior(family) else frame.unwhiten(lattice)
    rng = np.random.default_rng(0)
    if has_prior(family):
        return sample_raw(SIDE * SIDE, latent_dim, rng)
    return sample_white(frame, SIDE * SIDE, rng)


def write_sheet(folder: Path, epoch: int, coder: Coder, latents: Latents) -> None:
    """Write `sheets/epoch-<epoch>` of the decoded latents into a run's folder: PNG if grey, WebP if in colour.

    A colour sheet of 64 faces takes 400 kB as PNG and 50 as WebP of quality 90, in which nobody sees a difference.
    """
    sheet = tile(coder.decode(latents), SIDE)
    kind, options = ("png", {"optimize": True}) if len(sheet) == 1 else ("webp", {"quality": 90, "method": 6})
    with one_sentence(folder):
        (folder / "sheets").mkdir(exist_ok=True)
    write_bytes(folder / "sheets" / f"epoch-{epoch:04d}.{kind}", encoded_picture(sheet, kind, **options))


def keeps_codes(epoch: int, save_every: int, epochs: int) -> bool:
    """Whether codes are kept after an epoch: after each that keeps a sheet, and before the first after 1, 2, 4, ...

    Classes part in the first epochs, which a sheet every so many epochs passes over.
    """
    is_early = epoch < save_every and epoch & (epoch - 1) == 0
    return is_early or epoch % save_every == 0 or epoch == epochs


def kept_rows(test: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of the test images keep their codes, as rows of the data set (M,), rising; of these images nothing else.

    Args:
        test: Rows of all test images, (N,).
    """
    from explorer.training.evaluate import drawn_by_image

    return np.sort(test[drawn_by_image(test, MOST_EPOCH_CODES)])


def epoch_codes(coder: Coder, images: ImageRows, index: NDArray[np.int64]) -> EpochCodes:
    """The codes of images (M, C, H, W) as they are now; their rows in the data set are `index` (M,)."""
    mean = encode_all(coder, images).mean
    return EpochCodes(mean=mean.clip(-HALF, HALF).astype(np.float16), index=index)


def one_per_class(images: ImageSet, parts: Split) -> list[int]:
    """Where among the validation images the first of each class stands; the first ten where there are no labels."""
    if images.labels is None:
        return list(range(min(10, len(parts.validation))))
    labels = images.labels[parts.validation].tolist()
    return [labels.index(label) for label in sorted(set(labels))[:20]]
