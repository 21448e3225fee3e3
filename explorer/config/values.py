"""Words of the page's command line as values; whatever is none raises `argparse.ArgumentTypeError`."""

import argparse
import ipaddress
import re

from explorer.config.limits import MOST_SIDE


def port(text: str) -> int:
    """Number of a port, 0 for any."""
    if not (text.isascii() and text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 (any) to 65535, but this is {text!r}")
    return int(text)


def pixel_range(text: str) -> tuple[float, float]:
    """Values of black and white, written LOW,HIGH."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"two numbers, as -1,1, but this is {text!r}") from None
    return low, high


def image_size(text: str) -> tuple[int, int]:
    """Height and width in pixels, written N or HxW."""
    sides = re.fullmatch(r"([0-9]{1,4})(?:x([0-9]{1,4}))?", text)
    if sides is None or not all(1 <= int(side) <= MOST_SIDE for side in sides.groups(default="1")):
        raise argparse.ArgumentTypeError(f"pixels, as 64 or 48x96, {MOST_SIDE} at most, but this is {text!r}")
    height = int(sides[1])
    return height, int(sides[2] or height)


def root_path(text: str) -> str:
    """Folder of a site without a slash at its end; empty for none."""
    path = text.rstrip("/")
    if path and not re.fullmatch(r"(?:/[A-Za-z0-9_.~-]+)+", path):
        raise argparse.ArgumentTypeError(f"a root path begins with '/', as /models, but this is {text!r}")
    return path


def network(text: str) -> str:
    """Address or network, as the standard library spells it."""
    try:
        return str(ipaddress.ip_network(text)) if "/" in text else str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"a proxy is an address or a network, as 127.0.0.1 or 10.0.0.0/8, but this is {text!r}"
        ) from None
