"""Where to compute, in which precision, and on how many threads."""

import contextlib
import platform
from collections.abc import Iterator

import torch

from explorer.errors import ConfigError


def pick_device(name: str = "auto") -> torch.device:
    """The device to compute on.

    Args:
        name: 'auto' for the accelerator that is really there, else the CPU; or cpu, cuda (ROCm too), mps, xpu.

    Raises:
        ConfigError: The device that was asked for is not there.
    """
    found = torch.accelerator.current_accelerator(check_available=True)  # without the check a wheel may claim cuda
    if name == "auto":
        return found or torch.device("cpu")
    if name == "cpu" or (found is not None and found.type == name):
        return torch.device(name)
    there = f"this machine offers cpu and {found.type}" if found else "this machine offers cpu only"
    raise ConfigError(f"device {name} is not available: {there}; use --device auto.")


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """bfloat16 or float32 for the arithmetic of the net.

    Args:
        name: 'auto' for bfloat16 where the hardware multiplies it natively; or fp32, bf16.
        device: Where to compute.
    """
    if name == "auto":
        return torch.bfloat16 if has_bfloat16(device) else torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[name]


def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is native there: on a CPU with avx512_bf16 or amx, on CUDA from Ampere on."""
    if device.type == "cpu":
        probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "xpu"


def device_label(device: torch.device) -> str:
    """The device in words for a run's card."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"


@contextlib.contextmanager
def use_threads(count: int | None) -> Iterator[None]:
    """Compute on `count` CPU threads inside the block; None changes nothing."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
