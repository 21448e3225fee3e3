"""What Holes measures beyond its first figures: layers, samples, paths, against computations of their own."""

import dataclasses

import numpy as np
import pytest

from explorer.errors import ShapeError
from explorer.library import Library
from explorer.views import hole_layers, hole_map, hole_planes, hole_samples, hole_sheets
from tests.serve_fake import fake_library, linear_digits
from tests.test_analysis_holes import local_scatter
from tests.test_views import unpacked


@pytest.fixture(scope="module")
def library() -> Library:
    return fake_library()


def test_vacancy_agrees_with_a_brute_force_recomputation(library):
    for name in ("linear-ae", "linear-vae"):
        run = library.open(name)
        reference = run.latents.reference.astype(np.float64)
        values, vectors = np.linalg.eigh(local_scatter(reference))
        root = (vectors / np.sqrt(values)) @ vectors.T
        draws = run.sample("raw", 50, np.random.default_rng(0)).astype(np.float64)
        gaps = np.linalg.norm((draws[:, None] - reference[None]) @ root, axis=2)
        np.testing.assert_allclose(run.vacancy.score(draws), np.sort(gaps, axis=1)[:, 4], rtol=0.1)


def test_a_layer_that_a_run_cannot_have_is_offered_with_the_reason(library):
    offered = {layer["name"]: layer["reason"] for layer in hole_sheets.offered_layers(library, "linear-vae")}
    assert [name for name, reason in offered.items() if reason] == ["validity", "class", "entropy"]
    with pytest.raises(ShapeError, match="no layer Class"):
        hole_sheets.plane_layer(library, "linear-vae", {"layer": "class"})


@pytest.mark.parametrize("layer", ["density", "round_trip", "cliff"])
def test_both_models_share_the_colour_scale_of_a_layer(library, layer):
    ends = set()
    for name in ("linear-ae", "linear-vae"):
        told = hole_sheets.plane_layer(library, name, {"layer": layer, "lead": "linear-vae"})
        ends.add(tuple(told["ends"]))
    assert len(ends) == 1


@pytest.mark.parametrize("query", [{}, {"layer": "x"}, {"layer": "cliff", "law": "x"}, {"layer": "cliff", "lead": "x"}])
def test_a_layer_of_nonsense_is_refused(library, query):
    with pytest.raises(ShapeError):
        hole_sheets.plane_layer(library, "linear-vae", query)


def test_a_redrawn_sheet_holds_no_hole_and_says_what_was_thrown_away(library):
    run = library.open("linear-ae")
    sheet = hole_samples.drawn_sheet(run, "white", 0, True)
    assert min(sheet["p"]) > 0.05
    assert 0 < sheet["in_holes"] < sheet["drawn"]


def test_a_class_or_attribute_is_the_same_direction_in_both_models_of_a_pair(library):
    for name in ("linear-ae", "linear-vae"):
        run = library.open(name)
        found = hole_planes.named_direction(run, "classes", 3)
        assert run.class_names is not None
        assert found.name == run.class_names[3]
        plane = hole_planes.plane_along(run, (("classes", 3), ("pca", 0)))
        towards = run.latents.mean[run.labels == 3].mean(0) - run.latents.mean[run.labels != 3].mean(0)
        there = plane.coordinates(run.frame, run.frame.mean[None] + towards[None])[0]
        assert there[0] > 0
        assert abs(there[1]) < 1e-6, "a runs along the first direction"


@pytest.mark.parametrize(
    "directions",
    ["", "classes:3", "classes:3,classes:3", "classes:10,pca:0", "attributes:0,pca:0", "axes:4,pca:0", "x:1,pca:0",
     "classes:３,pca:0", "classes:3,pca:0,pca:1", "classes:99999,pca:0", "classes:-1,pca:0"],
)  # fmt: skip
def test_directions_of_nonsense_are_refused(library, directions):
    for answer in (hole_map.hole_plane, hole_sheets.plane_layer):
        query = {"layer": "cliff", "directions": directions}
        with pytest.raises(ShapeError):
            answer(library, "linear-vae", query)


def test_the_share_of_holes_counts_places_as_often_as_the_law_comes_by(library):
    for name in ("linear-ae", "linear-vae"):
        run = library.open(name)
        meta = hole_map.hole_plane(library, name, {"anchors": "3,50,700"})
        plane = hole_planes.plane_through(run, (3, 50, 700))
        plane = dataclasses.replace(plane, extent=meta["extent"])
        a, b = plane.lattice(hole_map.SPARSE_GRID)
        hole = run.vacancy.p_value(plane.latents(run.frame, a, b)) <= 0.05
        assert meta["share"] == pytest.approx(hole.mean())
        weight = np.exp(run.white.log_density(plane.latents(run.frame, a, b)))
        assert meta["weighted"] == pytest.approx((weight * hole).sum() / weight.sum(), abs=1e-6)
        np.testing.assert_allclose(meta["anchors"], plane.coordinates(run.frame, run.latents.mean[[3, 50, 700]]))
        assert meta["images"] == [3, 50, 700]


def test_a_place_has_the_p_values_of_its_scores(library):
    run = library.open("linear-ae")
    latent = run.latents.mean[:1]
    for layer in ("vacancy", "density", "cliff"):
        said = hole_sheets.described_place(run, latent, layer, "gmm10")
        assert said["vacancy"] == run.vacancy.p_value(latent)[0]
        assert said["round_trip"] == run.round_trip.p_value(latent)[0]
        assert said["distance"] == pytest.approx(np.sort(run.vacancy.score(latent))[0])
        wanted = hole_layers.density_ratio(run, "gmm10").p_value(latent)[0] if layer == "density" else None
        assert said["layer"] == wanted


class Boxes:
    """A feature net whose classes are known: bright pictures, and dark ones."""

    kind, space = "classifier", "layer (1) of a classifier of boxes"

    def probabilities(self, images):
        bright = (images.mean(axis=(1, 2, 3)) > 0.31).astype(np.float64)
        return np.stack([bright, 1 - bright], axis=1)


def test_classes_are_named_where_they_lie_and_listed_by_their_share(monkeypatch):
    library = fake_library(latent_dim=2)
    for name in ("linear-ae", "linear-vae"):
        run = library.open(name)
        run.drawer.put("judge", Boxes())
        run.class_names = ("bright", "<b>dark</b>")
        told = hole_sheets.plane_layer(library, name, {"layer": "class"})
        assert told["scale"] == "classes"
        classes = told["classes"]
        assert {entry["name"] for entry in classes} == {"bright", "<b>dark</b>"}
        assert sum(entry["share"] for entry in classes) == pytest.approx(1)
        assert classes[0]["share"] >= classes[1]["share"]
        values = unpacked(told["values"])
        for entry in classes:
            assert entry["share"] == pytest.approx((values == entry["class"]).mean())
            x, y = np.array([entry["at"][0]]), np.array([entry["at"][1]])
            picture = run.coder.decode(hole_planes.plane_through(run, ()).latents(run.frame, x, y))
            assert (picture.mean() > 0.31) == (entry["name"] == "bright")


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        (["000", "000", "000"], {0: (1, 1)}),
        (["00000", "00000", "00000", "11111", "11111", "11111"], {0: (1, 2), 1: (4, 2)}),
        (["010", "101"], {}),
    ],
)
def test_a_name_is_written_at_the_middle_of_its_largest_patch(rows, wanted):
    values = np.array([[int(c) for c in row] for row in rows])
    assert hole_sheets.middles(values, 2) == wanted


@pytest.mark.parametrize("latent_dim", [2, 4])
def test_a_slice_needs_three_test_images_and_a_plane_of_two_dimensions_none(latent_dim):
    coder, pixels = linear_digits(latent_dim, -2.0)
    library = Library()
    run = library.hold("small", coder, pixels[:40])
    stored = {part: getattr(run.latents, part)[:2] for part in ("mean", "log_variance", "draw", "index", "distortion")}
    run.latents = dataclasses.replace(run.latents, **stored, rate=run.latents.rate[:2])
    if latent_dim == 2:
        assert hole_map.hole_plane(library, "small", {})["images"] == []
    else:
        with pytest.raises(ShapeError, match="has 2 test images, and three span a slice"):
            hole_map.hole_plane(library, "small", {})
