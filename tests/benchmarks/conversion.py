"""The first pass over a set of pictures: from files to the mapped array, and the memory it takes.

On the sets that `$EXPLORER_DATA` points at, each in a process of its own with an empty cache. Beside it the usual
loop, in the same run and on the same files: Pillow opens, crops and resizes a picture after the other, and numpy
stacks them.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from explorer.config import DataConfig
from explorer.data import default_data_dir, image_size_of
from explorer.errors import DataError
from tests.benchmarks.usual_loop import ROOT, Row

SETS = {
    "CelebA, 178x218 to 64x64": (DataConfig(dataset="celeba"), "celeba"),
    "Flowers102, 64 px to 32x32": (DataConfig(dataset="flowers102"), "flowers-102"),
    "a folder of 64x64 faces": (DataConfig(dataset="folder", folder="celeba-faces64"), "celeba-faces64"),
}
"""Settings of the sets by what is done to their pictures, and where in the data folder they lie."""

LOADED = """
import resource, sys, time
from explorer.config import DataConfig
from explorer.data import load_dataset
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begin = time.perf_counter()
images = load_dataset(eval(sys.argv[1]), quiet=True)
print(len(images) / (time.perf_counter() - begin))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
begin = time.perf_counter()
load_dataset(eval(sys.argv[1]), quiet=True)
print(time.perf_counter() - begin)
"""

USUAL = """
import sys, time
from pathlib import Path
import numpy as np
from PIL import Image, ImageOps
files = sorted(path for path in Path(sys.argv[1]).rglob("*.jpg"))[:4000]
begin = time.perf_counter()
made, side = [], int(float(sys.argv[2]))
for path in files:
    with Image.open(path) as picture:
        made.append(np.asarray(ImageOps.fit(picture.convert("RGB"), (side, side))))
array = np.stack(made)
print(len(array) / (time.perf_counter() - begin))
"""


def speeds() -> Iterator[Row]:
    """Pictures a second, those of the usual loop, the memory on top of the imports, and opening again.

    Raises:
        DataError: None of the sets is there.
    """
    there = [(what, config, place) for what, (config, place) in SETS.items() if (default_data_dir() / place).is_dir()]
    if not there:
        raise DataError(
            f"{default_data_dir()} holds none of the sets of pictures; name their folder in $EXPLORER_DATA."
        )
    for what, config, place in there:
        with tempfile.TemporaryDirectory() as cache:
            rate, memory, again = said(LOADED, repr(config), cache=cache)
            (usual,) = said(USUAL, default_data_dir() / place, image_size_of(config) or 64, cache=cache)
        yield f"convert {what}", rate, "1/s"
        yield f"convert {what}, ratio to the usual loop", rate / usual, "x"
        yield f"convert {what}, memory on top", memory, "MiB"
        yield f"open {what} again", 1000 * again, "ms"


def said(code: str, *arguments: object, cache: str) -> list[float]:
    """Numbers that a process of its own prints."""
    environment = {**os.environ, "EXPLORER_CACHE": cache}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    return [float(word) for word in done.stdout.split()]
