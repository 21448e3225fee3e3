"""KMNIST: ten Japanese characters of old cursive writing in MNIST's form.

Clanuwat et al. 2018, https://arxiv.org/abs/1812.01718
"""

from explorer.data.idx import IdxSet, idx_files, image_set, load_idx
from explorer.data.sources import Character, Source

KMNIST = IdxSet(
    name="kmnist",
    title="KMNIST",
    fetch="KMNIST",
    folder="KMNIST",
    others=("kmnist",),
    owner="kmnist",
)

CLASSES = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")

SOURCE = Source(
    load=lambda asked: image_set(KMNIST, load_idx(KMNIST, asked.data_dir, asked.download), CLASSES),
    files=lambda data_dir: idx_files(KMNIST, data_dir),
    is_downloadable=True,
    title="KMNIST",
    nouns=("character", "characters"),
    terms="KMNIST (CODH, from the Kuzushiji dataset of NIJL) is licensed under CC BY-SA 4.0: name it, share alike.",
    character=Character(size=28, box=28, by_mass=False),
)
