"""Random numbers that Python and the browser draw alike: each is a function of the seed and its own number.

Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3" (Philox4x32-10),
https://doi.org/10.1145/2063384.2063405; Box & Muller 1958, https://doi.org/10.1214/aoms/1177706645, for normal ones.
`static/latent/counter.js` is the same in JavaScript; what differs is the last digit of logarithm, sine and cosine.
"""

import math

import numpy as np
from numpy.typing import NDArray

MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL = 0x9E3779B9, 0xBB67AE85
ROUNDS = 10
LOW = np.uint64(0xFFFFFFFF)

NORMAL, UNIFORM = 0, 1
"""Streams of one seed: normal numbers, and the uniform ones that choose a component."""


class CounterGenerator:
    """Draws that a seed decides, with the two methods of a numpy Generator that sampling laws call.

    Args:
        seed: From 0 to 2^63 - 1.

    Raises:
        ValueError: The seed is negative, or longer than 64 bits.
    """

    def __init__(self, seed: int) -> None:
        if not 0 <= seed < 2**64:
            raise ValueError(f"a seed lies from 0 to 2^64 - 1, but this is {seed}.")
        self.seed = seed
        self._drawn = {NORMAL: 0, UNIFORM: 0}

    def standard_normal(self, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
        """The next normal numbers, in rows: those of a longer draw begin with those of a shorter one."""
        sides = (shape,) if isinstance(shape, int) else shape
        start, count = self._drawn[NORMAL], math.prod(sides)
        self._drawn[NORMAL] += count
        blocks = np.arange(start // 2, (start + count + 1) // 2)
        first, second = uniforms(self.seed, NORMAL, blocks)
        radius, angle = np.sqrt(-2 * np.log(first)), 2 * np.pi * second
        pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()
        skipped = start % 2
        return pairs[skipped : skipped + count].reshape(sides)

    def choice(self, count: int, size: int, p: NDArray[np.floating]) -> NDArray[np.int64]:
        """Numbers below `count`, (size,), each k with probability p[k]."""
        start = self._drawn[UNIFORM]
        self._drawn[UNIFORM] += size
        drawn = uniforms(self.seed, UNIFORM, np.arange(start, start + size))[0]
        borders = np.cumsum(np.asarray(p, dtype=np.float64))
        return np.minimum(np.searchsorted(borders / borders[-1], drawn, side="right"), count - 1)


def uniforms(seed: int, stream: int, blocks: NDArray[np.integer]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two uniform numbers in (0, 1) for each block, (n,) each, with 53 bits."""
    words = philox(seed, stream, blocks)
    halves = [(words[k] >> np.uint64(5), words[k + 1] >> np.uint64(6)) for k in (0, 2)]
    first, second = ((high.astype(np.float64) * 2.0**26 + low + 0.5) * 2.0**-53 for high, low in halves)
    return first, second


def philox(seed: int, stream: int, blocks: NDArray[np.integer]) -> list[NDArray[np.uint64]]:
    """Four words of 32 bits for each block, (n,) each."""
    blocks = np.asarray(blocks, dtype=np.uint64)
    words = [blocks & LOW, blocks >> np.uint64(32), np.full_like(blocks, stream), np.zeros_like(blocks)]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(ROUNDS):
        low, high = MULTIPLIERS[0] * words[0], MULTIPLIERS[1] * words[2]  # each below 2^64
        words = [
            (high >> np.uint64(32)) ^ words[1] ^ np.uint64(key[0]),
            high & LOW,
            (low >> np.uint64(32)) ^ words[3] ^ np.uint64(key[1]),
            low & LOW,
        ]
        key = [(k + weyl) & 0xFFFFFFFF for k, weyl in zip(key, WEYL, strict=True)]
    return words
