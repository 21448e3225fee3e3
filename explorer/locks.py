"""A lock on an open file: it keeps other processes out, and goes when its file is closed or its process dies."""

import sys
from typing import BinaryIO


def try_lock(file: BinaryIO, wait: bool = False) -> bool | None:
    """Whether the lock was taken; None where the disk has no locks.

    Args:
        file: Open for writing, on every system that is to agree.
        wait: Whether to wait for who has it; Windows gives up after a while.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return False if sys.platform == "win32" else None
    return True
