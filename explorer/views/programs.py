"""The programs of a run: what a browser needs to decode and encode by itself."""

import gzip
import hashlib
from dataclasses import dataclass

from explorer.library import OpenRun, kept
from explorer.program import Part, ProgramError

MOST_BYTES = 32_000_000
"""Size of a program that is sent: a phone keeps a few of them unfolded to twice as much."""


@dataclass(frozen=True, slots=True)
class MadeProgram:
    """A program of a run, or why there is none.

    Attributes:
        zipped: The program's file, gzipped; empty where there is none.
        name: A hash of the file: a page may keep what goes by this name for ever.
        trouble: Why there is none, as a sentence; None where there is one.
    """

    zipped: bytes
    name: str
    trouble: str | None

    @property
    def file(self) -> bytes:
        """The program's file; empty where there is none."""
        return gzip.decompress(self.zipped)


@kept
def program(run: OpenRun, part: Part) -> MadeProgram:
    """The decoder or encoder of a run as a program, made when it is first asked for."""
    from explorer.program.models import program_of

    try:
        file = program_of(run.coder, part)
        if len(file) > MOST_BYTES:
            raise ProgramError(f"the {part} has {len(file):,} bytes, and more than {MOST_BYTES:,} are not sent.")
    except ProgramError as error:
        return MadeProgram(b"", "", str(error))
    return MadeProgram(gzip.compress(file, mtime=0), hashlib.sha256(file).hexdigest()[:32], None)
