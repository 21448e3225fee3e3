"""What a browser needs to say by itself how empty a place is, and to draw from the sampling laws.

    bytes 0..7   length of the head, little-endian uint64, a multiple of 8
    head         JSON, padded with spaces: numbers, and of each array {"at": byte, "shape": [...], "type": "f4" or "f8"}
    arrays       little-endian, each at a multiple of 8 bytes

Python stays the definition: a test holds p-values, planes and draws of the page against it.
"""

import gzip
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.holes import Vacancy
from explorer.analysis.laws import LAWS, Distribution, GaussianMixture, OneGaussian, OnSpan, Prior
from explorer.library import OpenRun, kept

FORMAT = 3
"""Version of the file: a browser that kept another one asks for it anew."""


@kept
def zipped_support(run: OpenRun) -> bytes:
    """`support`, gzipped."""
    return gzip.compress(support(run), mtime=0)


def support(run: OpenRun) -> bytes:
    """The frame, the reference codes, the calibration scores and the laws of a run, as one file."""
    vacancy, frame = run.vacancy, run.frame
    file = _File()
    draws = _sets(file, vacancy)
    means = draws if run.latents.calibration_mean is None else _sets(file, run.mean_vacancy)
    head = {
        "neighbours": vacancy.neighbours,
        "mean": file.add(frame.mean),
        "to_frame": file.add(frame.to_white),
        "null": file.add(frame.null),
        "tolerance": min(vacancy.tolerance, float(np.finfo(np.float64).max)),  # JSON knows no infinity
        "deviations": file.add(run.white.deviations),
        "active": file.add(np.asarray(run.active_axes, dtype=np.float64)),
        "reference": file.add(run.latents.reference, "<f4"),
        "sets": {"draws": draws, "means": means},
        "laws": {name: _mixture(file, run.law(name), run.latent_dim) for name in LAWS},
    }
    return file.bytes(head)


def _sets(file: "_File", vacancy: Vacancy) -> list[dict[str, Any]]:
    """What a p-value is counted among: scores of calibration codes, with codes (n, d) beside the reference.

    Draws and posterior means have calibration codes each of their own. Of few calibration codes each fold is measured
    by the reference and all other folds.
    """
    if not vacancy.folds:
        return [{"scores": file.add(vacancy.calibration_scores)}]
    folds = vacancy.folds
    others = [np.concatenate([each.codes for each in folds if each is not fold]) for fold in folds]
    return [{"scores": file.add(f.scores), "codes": file.add(codes)} for f, codes in zip(folds, others, strict=True)]


def _mixture(file: "_File", law: Distribution, latent_dim: int) -> dict[str, Any] | None:
    """A law as Gaussians z = mean_k + factor_k eps, k with weight_k; None for one that is no such mixture.

    Draws are then moved into the span of the codes, off the directions `null` from `origin`, where there are such.
    """
    if isinstance(law, OnSpan):
        whole = _mixture(file, law.whole, latent_dim)
        if whole is None or not law.white.null.shape[1]:
            return whole
        return whole | {"null": file.add(law.white.null), "origin": file.add(law.white.mean)}
    if isinstance(law, Prior):
        weights, means, factors = np.ones(1), np.zeros((1, latent_dim)), np.eye(latent_dim)[None]
    elif isinstance(law, OneGaussian):
        weights, means, factors = np.ones(1), law.frame.mean[None], law.frame.from_white[None]
    elif isinstance(law, GaussianMixture):
        weights, means = np.asarray(law.weights, dtype=np.float64), np.asarray(law.means, dtype=np.float64)
        factors = np.linalg.cholesky(np.asarray(law.covariances, dtype=np.float64))
    else:
        return None
    return {"weights": file.add(weights), "means": file.add(means), "factors": file.add(factors)}


class _File:
    """Arrays, one after the other; equal ones stand there once, as those of two laws with one mixture."""

    def __init__(self) -> None:
        self.arrays = bytearray()
        self.told: dict[tuple[str, tuple[int, ...], bytes], dict[str, Any]] = {}

    def add(self, array: NDArray[np.floating], kind: str = "<f8") -> dict[str, Any]:
        """Put an array in where it is not there yet, and say where it is."""
        stored = np.ascontiguousarray(array, dtype=kind)
        key = (kind, stored.shape, stored.tobytes())
        if key not in self.told:
            self.arrays += bytes(-len(self.arrays) % 8)
            self.told[key] = {"at": len(self.arrays), "shape": list(stored.shape), "type": stored.dtype.str[1:]}
            self.arrays += key[2]
        return self.told[key]

    def bytes(self, head: dict[str, Any]) -> bytes:
        """The whole file."""
        text = json.dumps(head, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + bytes(self.arrays)
