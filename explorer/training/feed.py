"""Where the batches of a fit come from: the device itself, or a data set that is larger than its memory.

Both give the same bytes in the same order, so that where the images lie changes the speed of a fit and nothing else.
"""

import mmap
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from explorer.arrays import Pixels

MEMORY_SHARE = 0.5
"""Most of a device's memory that images may take: weights, activations and the evaluation want some too."""

CHUNK = 8192
"""Rows copied to a device at once, so that the host never holds a second copy of the data set."""


class Feed(Protocol):
    """The images of a fit, by their rows."""

    def __len__(self) -> int:
        """How many images there are."""
        ...

    def batches(self, rows: Sequence[Tensor]) -> Iterator[Tensor]:
        """One batch (B, C, H, W) of stored grey levels, on the device, for each of the row numbers (B,) on the CPU."""
        ...


class Resident:
    """All images on the device; a batch is one indexed read there.

    On the CPU that read goes straight to the data set's array, which may be a file mapped into memory: nothing is
    copied but the batch.

    Args:
        pixels: The data set, (N, C, H, W) of stored grey levels.
        index: Which of its rows are fed, (n,).
        device: Where to.
    """

    def __init__(self, pixels: Pixels, index: NDArray[np.int64], device: torch.device) -> None:
        self.pixels, self.index, self.device = pixels, index, device
        self.copy: Tensor | None = None
        if device.type != "cpu":
            self.copy = torch.empty((len(index), *pixels.shape[1:]), dtype=torch.uint8, device=device)
            for start in range(0, len(index), CHUNK):
                self.copy[start : start + CHUNK] = torch.from_numpy(pixels[index[start : start + CHUNK]])

    def __len__(self) -> int:
        return len(self.index)

    def batches(self, rows: Sequence[Tensor]) -> Iterator[Tensor]:
        """See `Feed`; the rows of all batches travel to the device in one piece."""
        if self.copy is None:
            for each in rows:
                yield torch.from_numpy(self.pixels[self.index[each.numpy()]])
            return
        for each in torch.cat(list(rows)).to(self.device).split([len(each) for each in rows]):
            yield self.copy[each]


class Streamed:
    """Images read from their file by processes of their own, a few batches ahead of the step that wants them.

    Args:
        pixels: The data set, (N, C, H, W) of stored grey levels, better a file mapped into memory.
        index: Which of its rows are fed, (n,).
        device: Where to; an accelerator gets its batches through pinned memory, while it computes.
    """

    def __init__(self, pixels: Pixels, index: NDArray[np.int64], device: torch.device) -> None:
        self.device, self.index = device, index
        self._rows: list[NDArray[np.int64]] = []
        self._loader = DataLoader(
            _Rows(pixels),
            batch_sampler=_Batches(self._rows),
            collate_fn=torch.from_numpy,
            num_workers=max(1, min(4, (os.cpu_count() or 1) - 1)),
            pin_memory=device.type == "cuda",
            persistent_workers=True,
            prefetch_factor=4,
            generator=torch.Generator(),  # else every epoch would draw from the global stream
        )

    def __len__(self) -> int:
        return len(self.index)

    def batches(self, rows: Sequence[Tensor]) -> Iterator[Tensor]:
        """See `Feed`; reading goes on while a batch is worked on."""
        self._rows[:] = [self.index[each.numpy()] for each in rows]
        for batch in self._loader:
            yield batch.to(self.device, non_blocking=True)


class _Batches:
    """The row numbers of the batches to come, for a DataLoader that outlives the epoch."""

    def __init__(self, rows: list[NDArray[np.int64]]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[list[int]]:
        return (each.tolist() for each in list(self.rows))

    def __len__(self) -> int:
        return len(self.rows)


class _Rows(Dataset[Any]):
    """The data set as a reading process sees it: a mapped file is opened there again, never copied there."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels

    def __getitems__(self, rows: list[int]) -> Pixels:
        return self.pixels[rows]

    def __getstate__(self) -> dict[str, Any]:
        mapped = self.pixels
        if isinstance(mapped, np.memmap) and mapped.filename and isinstance(mapped.base, mmap.mmap):
            return {"file": Path(mapped.filename), "offset": mapped.offset, "shape": mapped.shape}
        return {"pixels": mapped}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "file" in state:
            self.pixels = np.memmap(state["file"], np.uint8, "r", state["offset"], state["shape"])
        else:
            self.pixels = state["pixels"]


def open_feed(pixels: Pixels, index: NDArray[np.int64], device: torch.device, stream: bool | None = None) -> Feed:
    """The feed of some rows of a data set.

    Args:
        pixels: The data set, (N, C, H, W) of stored grey levels, in memory or mapped from a file.
        index: Which of its rows are fed, (n,).
        device: Where to.
        stream: Whether to leave the images where they are and read ahead; None decides by the device's memory.
    """
    if stream is None:
        size = len(index) * int(np.prod(pixels.shape[1:]))
        in_memory_already = device.type == "cpu" and not isinstance(pixels, np.memmap)
        stream = not in_memory_already and size > MEMORY_SHARE * memory(device)
    return Streamed(pixels, index, device) if stream else Resident(pixels, index, device)


def memory(device: torch.device) -> float:
    """Bytes that a device has for images: free on an accelerator, all there are for the CPU; infinite if unknown."""
    if device.type in ("cuda", "xpu"):
        return getattr(torch, device.type).mem_get_info(device)[0]
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return float("inf")
