"""Somebody's own models and images as runs of a library."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.errors import ShapeError
from explorer.library import Library, hold_models
from explorer.views.card import card_rows
from explorer.views.chooser import portrait
from explorer.views.runs import describe_run, sprite_sheet
from tests.own_models import Plain, Variational, images_in


def test_a_torch_module_is_a_run_in_one_line():
    library, model = Library(), Variational()
    said = hold_models(library, model, images_in(model), ["even", "odd"] * 20)
    run = library.open("yours")
    assert (run.family, run.latent_dim, run.class_names) == ("vae", 4, ("even", "odd"))
    assert any("4 dimensions" in sentence for sentence in said)
    assert describe_run(library, run)["count"] == 40


def test_attributes_reach_the_directions():
    library, model = Library(), Plain()
    images = images_in(model, 60)
    codes = model.encode(images)[:, 0]
    hold_models(library, model, images, attributes={"bright": (codes > 0).numpy()})
    run = library.open("yours")
    assert run.attribute_names == ("bright",)
    (direction,) = run.directions["attributes"]
    assert direction.name == "bright" and abs(direction.vector[0]) > 0.8


def test_two_models_are_twins_and_more_are_not():
    model = Plain()
    library = Library()
    hold_models(library, [Plain(), Variational()], images_in(model))
    assert library.twin("Plain") == "Variational" and library.twin("Variational") == "Plain"
    many = Library()
    hold_models(many, [Plain(), Plain(), Variational()], images_in(model))
    assert many.names() == ["Plain", "Plain-2", "Variational"]
    assert many.twins() == dict.fromkeys(many.names())


def test_latents_that_were_maps_say_so():
    from explorer import from_torch

    library, model = Library(), Plain()
    given = from_torch(lambda x: model.encode(x).reshape(-1, 1, 2, 2), lambda z: model.decode(z.flatten(1)))
    hold_models(library, given, images_in(model))
    rows = {row["name"]: row for row in card_rows(library.card("yours"), True)}
    assert rows["Latent dimension"]["detail"] == "flattened from 1 x 2 x 2"


def test_images_that_came_from_minus_one_are_stored_in_bytes():
    library, model = Library(), Plain(low=-1)
    images = images_in(model)
    hold_models(library, model, images * 2 - 1)
    run = library.open("yours")
    np.testing.assert_array_equal(run.images(), np.rint(images.numpy() * 255).astype(np.uint8))
    np.testing.assert_allclose(run.reconstruction(3), images[3], atol=0.06)


def test_too_few_images_are_refused_before_a_model_is_asked():
    def never(_: torch.Tensor) -> None:
        raise AssertionError

    from explorer import from_torch

    with pytest.raises(ShapeError, match="at least 30 images"):
        hold_models(Library(), from_torch(never, never), np.zeros((3, 1, 8, 8)))


def test_the_pictures_of_wide_images_are_as_wide():
    library, model = Library(), Variational((3, 6, 14))
    hold_models(library, model, images_in(model, 60), ["a", "b"] * 30)
    run = library.open("yours")
    assert describe_run(library, run)["sheet"] == {"size": 10_000, "columns": 100, "tile": [6, 14]}
    sheet = Image.open(io.BytesIO(sprite_sheet(run, 0, True)[0]))
    assert sheet.size == (100 * 14, 6)
    assert Image.open(io.BytesIO(portrait(run))).size[0] % 14 == 0
