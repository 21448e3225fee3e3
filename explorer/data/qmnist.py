"""QMNIST: MNIST made again from its sources, with 60,000 test digits in place of 10,000.

Yadav & Bottou 2019, https://arxiv.org/abs/1905.10498
"""

from pathlib import Path

from explorer.data.idx import IdxParts, IdxSet, idx_files, image_set, load_idx
from explorer.data.sets import ImageSet
from explorer.data.sources import Character, Source

QMNIST = IdxSet(
    name="qmnist",
    title="QMNIST",
    fetch="QMNIST",
    calls=({"what": "train"}, {"what": "test"}),
    folder="QMNIST",
    others=("qmnist",),
    names={part: (f"qmnist-{part}-images-idx3-ubyte", f"qmnist-{part}-labels-idx2-int") for part in ("train", "test")},
    labels=(2, 12),
    own_names=True,
)


def load_qmnist(data_dir: Path, download: bool = False) -> ImageSet:
    """All of QMNIST, (120000, 1, 28, 28): the training images, then the test images.

    The first of an image's eight labels is its digit; the others say who wrote it, and where.

    Raises:
        DataError: A file is missing or damaged, or the download failed.
    """
    parts = load_idx(QMNIST, data_dir, download)
    return image_set(
        QMNIST, IdxParts(parts.pixels, parts.labels[:, 0], parts.test_count, parts.raw), tuple("0123456789")
    )


SOURCE = Source(
    load=lambda asked: load_qmnist(asked.data_dir, asked.download),
    files=lambda data_dir: idx_files(QMNIST, data_dir),
    is_downloadable=True,
    title="QMNIST",
    nouns=("digit", "digits"),
    character=Character(size=28, box=20, by_mass=True),
)
