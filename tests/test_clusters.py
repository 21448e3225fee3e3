"""Clusters of codes: laws of what is found, names from labels and attributes, and what the map is told of them."""

from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from explorer.analysis.clusters import FEWEST, LEAST, NONE, clusters
from explorer.arrays import UNKNOWN
from explorer.errors import ShapeError
from explorer.library import Library, OpenRun
from explorer.views import clusters as view
from explorer.views.colours import COLOURS
from tests.fakes import linear_coder
from tests.serve_fake import asking, fake_library

RUN = "/explorer/api/run/linear-vae"
NAMES = ("Hat", "Big_Nose", "Smiling", "Male")


def crowds(rng: np.random.Generator, *sizes: int) -> np.ndarray:
    """Tight crowds of these sizes, ten standard deviations apart or more, in their order; (N, 3)."""
    middles = 10.0 * np.arange(len(sizes))[:, None] * np.ones(3)
    return np.concatenate([rng.normal(m, 0.3, (n, 3)) for m, n in zip(middles, sizes, strict=True)])


# --- laws -----------------------------------------------------------------------------------------------------------


def test_crowds_that_lie_apart_are_clusters_the_largest_first():
    found = clusters(crowds(np.random.default_rng(0), 60, 200, 120))
    top = [np.bincount(part[part != NONE]).argmax() for part in np.split(found, [60, 260])]
    assert top == [2, 0, 1]
    assert found.max() == 2
    assert (found != NONE).mean() > 0.7, "most of a tight crowd is inside its cluster"
    for part, number in zip(np.split(found, [60, 260]), top, strict=True):
        assert set(part.tolist()) <= {number, NONE}, "no cluster takes in another crowd"


def test_clusters_do_not_hang_on_the_order_of_the_codes_nor_on_where_they_lie():
    rng = np.random.default_rng(1)
    codes = crowds(rng, 50, 90, 140)
    found = clusters(codes)
    order = rng.permutation(len(codes))
    moved = clusters(codes[order] * 3 + 7)
    assert np.mean(moved == found[order]) > 0.98


def test_one_cloud_has_no_clusters_that_are_a_part_of_nothing():
    found = clusters(np.random.default_rng(2).normal(size=(400, 12)))
    sizes = np.bincount(found[found != NONE]) if (found != NONE).any() else np.zeros(0)
    assert (sizes >= max(LEAST, 20)).all(), "20 is the root of 400"
    assert list(sizes) == sorted(sizes, reverse=True)


def test_codes_that_are_all_alike_are_no_mistake():
    found = clusters(np.zeros((40, 2)))
    assert found.shape == (40,)


@pytest.mark.parametrize(
    "codes", [np.zeros((FEWEST - 1, 2)), np.zeros(40), np.zeros((40, 0)), np.full((40, 2), np.nan)]
)
def test_codes_that_cannot_be_clustered_are_refused_with_a_sentence(codes):
    with pytest.raises(ShapeError, match=r"clusters are sought .*\.$"):
        clusters(codes)


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (["4"] * 10, "mostly 4"),
        (["4"] * 5 + ["9"] * 4 + ["1"], "mostly 4 and 9"),
        (["3"] * 4 + ["5"] * 3 + ["8"] * 2 + ["0"], "mostly 3, 5 and 8"),
        (list("0123456789"), ""),
        ([None, None], ""),
    ],
)
def test_a_cluster_is_named_by_the_fewest_labels_that_are_most_of_it(labels, name):
    assert view.label_name(labels) == name


def test_a_cluster_is_named_by_the_attributes_that_are_unusual_in_it():
    attributes = np.zeros((100, 4), dtype=np.uint8)
    inside = np.arange(100) < 20
    attributes[:20, 1] = 1  # only here
    attributes[:, 2] = 1  # everywhere
    attributes[:16, 3] = 1
    attributes[20:, 0] = UNKNOWN
    assert view.attribute_name(attributes, inside, NAMES) == "often Big Nose and Male"
    assert view.attribute_name(np.zeros((100, 4), dtype=np.uint8), inside, NAMES) == ""
    assert view.attribute_name(np.full((100, 4), UNKNOWN, dtype=np.uint8), inside, NAMES) == ""


def test_no_two_clusters_have_one_name():
    assert view.apart(["mostly 1", "", "mostly 1", "mostly 7", ""]) == (
        "mostly 1 (1)",
        "cluster 2",
        "mostly 1 (3)",
        "mostly 7",
        "cluster 5",
    )


# --- what the map is told -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def library() -> Library:
    return fake_library()


@pytest.fixture(scope="module")
def run(library: Library) -> OpenRun:
    return library.open("linear-vae")


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[httpx.Client]:
    with asking(library) as client:
        yield client


def test_the_map_is_told_the_cluster_of_every_image_and_what_clusters_are(client, run):
    assert [each["name"] for each in client.get(RUN).json()["colours"] if each["is_group"]] == ["cluster"]
    numbers = np.frombuffer(client.get(f"{RUN}/scalar/cluster").content, "<f4")
    answer = client.get(f"{RUN}/map/groups", params={"colour": "cluster", "v": run.card.version})
    assert "immutable" in answer.headers["cache-control"]
    told = answer.json()
    assert len(numbers) == len(run)
    inside = numbers[~np.isnan(numbers)]
    assert set(inside.tolist()) == set(range(len(told["names"])))
    assert len(set(told["names"])) == len(told["names"])
    assert f"{np.isnan(numbers).sum():,} of {len(run):,} images are in none" in told["said"]
    again = client.get(
        f"{RUN}/map/groups", params={"colour": "cluster"}, headers={"if-none-match": answer.headers["etag"]}
    )
    assert again.status_code == 304


def test_names_say_what_is_in_a_cluster(run):
    groups, numbers = view.cluster_groups(run), view.cluster_numbers(run)
    for number, name in enumerate(groups.names):
        if not name.startswith("mostly"):
            continue
        labels = [str(run.label_name(int(row))) for row in np.flatnonzero(numbers == number)]
        said = name.removeprefix("mostly ").split(" (")[0].replace(" and ", ", ").split(", ")
        assert np.mean([label in said for label in labels]) >= view.MOST_OF - 1e-9


def test_images_without_labels_are_in_numbered_clusters():
    library = Library(None)
    rng = np.random.default_rng(0)
    coder = linear_coder(2)
    codes = np.repeat([[-4.0, 0], [4, 0], [0, 4]], 60, axis=0) + 0.2 * rng.normal(size=(180, 2))
    library.hold("plain", coder, np.clip(coder.decode(codes.astype(np.float32)), 0, 1))
    groups = view.cluster_groups(library.open("plain"))
    assert groups.names == tuple(f"cluster {k + 1}" for k in range(len(groups.names)))


def test_of_many_images_some_are_clustered_and_the_others_are_where_their_nearest_one_is(run, monkeypatch):
    whole = view.cluster_numbers(run)
    view.cluster_numbers.forget(run)
    monkeypatch.setattr(view, "MOST_CLUSTERED", 900)
    found = view.cluster_numbers(run)
    assert found.shape == whole.shape
    assert "sought among 900 drawn at random" in view.cluster_groups(run).said
    codes = run.frame.whiten(run.latents.mean)
    drawn = np.sort(np.random.default_rng(view.SEED).choice(len(run), 900, replace=False))
    for row in np.setdiff1d(np.arange(len(run)), drawn)[:50]:
        near = drawn[np.linalg.norm(codes[drawn] - codes[row], axis=1).argmin()]
        assert found[row] == found[near]
    view.cluster_numbers.forget(run)


def test_few_images_are_offered_no_clusters(run, monkeypatch):
    assert not COLOURS["cluster"].lacks(run)
    monkeypatch.setattr(view, "FEWEST", len(run) + 1)
    assert COLOURS["cluster"].lacks(run)


@pytest.mark.parametrize("colour", ["rate", "<b>", ""])
def test_a_colour_without_groups_has_none(client, colour):
    answer = client.get(f"{RUN}/map/groups", params={"colour": colour})
    assert answer.status_code == 400
    assert answer.json()["error"] == "colour must be one of cluster."
