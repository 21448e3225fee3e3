"""Fashion-MNIST: pieces of clothing in MNIST's form; Xiao et al. 2017, https://arxiv.org/abs/1708.07747"""

from explorer.data.idx import IdxSet, idx_files, image_set, load_idx
from explorer.data.sources import Character, Source

FASHION = IdxSet(
    name="fashion-mnist",
    title="Fashion-MNIST",
    fetch="FashionMNIST",
    folder="FashionMNIST",
    others=("fashion-mnist", "fashion_mnist", "fashionmnist", "fashion"),
    owner="fashion",
)

CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)

SOURCE = Source(
    load=lambda asked: image_set(FASHION, load_idx(FASHION, asked.data_dir, asked.download), CLASSES),
    files=lambda data_dir: idx_files(FASHION, data_dir),
    is_downloadable=True,
    title="Fashion-MNIST",
    nouns=("piece of clothing", "pieces of clothing"),
    character=Character(size=28, box=28, by_mass=False),
)
"""Section 2 of the paper: the photograph is trimmed to the piece, its longer side is scaled to 28 pixels, the shorter
one is extended to 28, and the brightness is turned around: light on dark."""
