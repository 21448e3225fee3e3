"""Downloads, by torchvision, told apart from full disks, and cleaned up after."""

import contextlib
import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explorer.errors import DataError

DISK_TROUBLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)
"""What the operating system says when a file cannot be written, rather than fetched."""


def fetched(name: str, data_dir: Path, place: str, otherwise: str, *calls: Mapping[str, Any]) -> None:
    """Fetch a data set into a folder, with the progress that torchvision shows.

    Args:
        name: Of torchvision's class.
        data_dir: The folder.
        place: The folder inside it that torchvision fetches into.
        otherwise: What a person can do where that fails.
        *calls: Further arguments of the class, for each part that it fetches by itself; none where it fetches all.

    Raises:
        DataError: The folder cannot be written to, or the servers do not answer.
    """
    if data_dir.exists() and not os.access(data_dir, os.W_OK):
        raise DataError(f"{name} is not complete in {data_dir}, which cannot be written to; use another --data-dir.")
    inside = data_dir / place
    made = [folder for folder in (inside, *inside.parents) if not folder.exists()]
    try:
        import torchvision.datasets

        for arguments in calls or ({},):
            getattr(torchvision.datasets, name)(str(data_dir), download=True, **arguments)
    except Exception as error:  # noqa: BLE001 - each server's own client raises errors of its own
        for folder in made:  # the innermost first; what holds a file stays
            with contextlib.suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError) and error.errno in DISK_TROUBLE:
            raise DataError(
                f"{name} cannot be written to {data_dir}: {os.strerror(error.errno)}; "
                "make room there, or use another --data-dir."
            ) from None
        # torchvision's own words list every mirror with what the network said of each
        raise DataError(
            f"{name} cannot be downloaded (no network, or its servers do not answer); {otherwise}."
        ) from None
