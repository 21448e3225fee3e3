"""A lock between processes on a file of its own; it goes when its process dies, whatever kills it."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What the operating system says of a disk that has no locks."""


class LockedError(Exception):
    """Somebody else holds the lock, or a file that is no lock has its name."""


@contextlib.contextmanager
def holding(path: Path, wait: bool = False, again: bool = False) -> Iterator[bool]:
    """Hold a lock inside the block; whether the disk has locks at all.

    The file stays when the lock is given up: who unlinks it lets a process that waits for the old file and one that
    makes a new file in together. It is empty, and costs nothing.

    Args:
        path: The lock's file; its folder exists.
        wait: Whether to wait for who holds it.
        again: Whether a thread that holds it may take it once more.

    Raises:
        LockedError: Somebody holds it and `wait` is false, or something else has that name.
        OSError: The file cannot be made.
    """
    if path.is_symlink() or (path.exists() and (not path.is_file() or path.stat().st_size)):
        raise LockedError(f"{path} is no lock of this program, or one of a disk without locks of its own")
    lock, taken = FileLock(path, is_singleton=again), True
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        raise LockedError(f"{path} is held by another process") from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        taken = False
    try:
        yield taken
    finally:
        if taken:
            lock.release()
