"""The processes of one fit: one by default, N under `torchrun --nproc-per-node N train.py ...`.

Every process holds the whole model and data set, draws the same shuffle and the same noise, and takes every N-th image
of each batch: so that N processes follow one process to rounding. The first one writes.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.nn.functional import all_reduce

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Workers:
    """This process among its fellows.

    Attributes:
        rank: Its number, from 0.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes and speaks for all."""
        return self.rank == 0

    def share(self, rows: Tensor) -> Tensor:
        """Every `count`-th entry of something of the global batch, (B, ...) -> (B / count, ...)."""
        return rows[self.rank :: self.count]

    def average(self, tensor: Tensor) -> Tensor:
        """The mean of a tensor over all processes; the tensor itself if there is only one."""
        if self.count == 1:
            return tensor
        total = tensor.clone()
        dist.all_reduce(total)
        return total / self.count

    def average_with_gradient(self, tensor: Tensor) -> Tensor:
        """The mean over all processes, through which every process's loss reaches the tensor of each.

        Averaged gradients of the losses are then those of their mean, as if one process had seen all images.
        """
        return tensor if self.count == 1 else all_reduce(tensor) / self.count

    def agree(self, value: T) -> T:
        """What the first process says, for all."""
        if self.count == 1:
            return value
        told: list[Any] = [value]
        dist.broadcast_object_list(told)
        return told[0]

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is up in any process."""
        if self.count == 1:
            return flag
        raised = torch.tensor(float(flag), device=device)
        dist.all_reduce(raised, op=dist.ReduceOp.MAX)
        return bool(raised.item())


ALONE = Workers()
"""The one process of a fit that was not started by torchrun."""


@contextlib.contextmanager
def joined_workers(device: torch.device) -> Iterator[Workers]:
    """Meet the other processes that torchrun started, and part from them at the end; a lone process is its own.

    Args:
        device: Where this fit computes; CUDA processes talk by nccl, all others by gloo, and each takes the
            accelerator of its local rank.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    if device.type != "cpu":
        torch.accelerator.set_device_index(int(os.environ["LOCAL_RANK"]))
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=timedelta(hours=12))  # the others wait while the first one evaluates
    try:
        yield Workers(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
