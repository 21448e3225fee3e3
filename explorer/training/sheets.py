"""Small sheets of decodes, one per kept epoch: prior samples or a lattice, never a pixel of a data set."""

from pathlib import Path

import numpy as np

from explorer.analysis.frames import fit_frame
from explorer.analysis.laws import sample_raw, sample_white
from explorer.arrays import Coder, Latents
from explorer.checkpoint import one_sentence, write_bytes
from explorer.config import has_prior
from explorer.images import encoded_picture, tile

SIDE = 8
"""Images along each side of a sheet."""


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
