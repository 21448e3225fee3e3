"""Models as people wrote them: what encoders and decoders may answer, and what is asked of them first."""

import dataclasses
import re
import threading
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import explorer
from explorer.adapters import adapted, named_models
from explorer.arrays import Coder
from explorer.errors import ConfigError, ExplorerError, ShapeError
from explorer.program.models import program_of
from tests.fakes import linear_coder
from tests.interpreter import run_program
from tests.own_models import ANSWERS, SHAPE, D, Plain, Variational, answering, images_in, spread


def opened(model, images=None, **settings) -> Coder:
    """A model as a Coder, tried on images that it reconstructs."""
    images = images_in(Plain()) if images is None else images
    return adapted(model, np.asarray(images, dtype=np.float32), **settings)[0]


def check_exact(coder: Coder, images) -> None:
    """The reconstructions are the images."""
    images = np.asarray(images, dtype=np.float32)
    decoded = coder.decode(coder.encode(images).mean)
    np.testing.assert_allclose(decoded, images, atol=0.06)  # some were cut off


# --- what encoders answer -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ANSWERS)
def test_an_encoder_may_answer_what_libraries_and_people_let_it(name):
    coder, images = opened(answering(ANSWERS[name])), images_in(Plain())
    posterior = coder.encode(images.numpy())
    expected = Plain().encode(images).detach()
    np.testing.assert_allclose(posterior.mean, expected, atol=1e-5)
    if name == "mean":
        assert posterior.log_variance is None
    else:
        assert posterior.log_variance is not None
        np.testing.assert_allclose(posterior.log_variance, spread(expected), atol=1e-4)
    check_exact(coder, images)


def test_an_encoder_and_a_decoder_do_as_well_as_encode_and_decode():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            plain = Plain()
            self.encoder, self.decoder = nn.Sequential(nn.Flatten(), plain.into), plain.out

    check_exact(opened(Pair()), images_in(Plain()))  # the decoder answers (N, C * H * W)


def test_two_functions_are_a_model():
    model = Plain()
    check_exact(opened(explorer.from_torch(model.encode, model.decode)), images_in(model))
    given = explorer.from_torch(lambda x: model.into(x.flatten(1)), model.out)
    assert model in given.modules, "they are found in what the functions name"
    check_exact(opened(given), images_in(model))


def test_latents_of_any_shape_are_flattened_and_said():
    model = Plain()
    given = explorer.from_torch(
        lambda x: model.encode(x).reshape(-1, 2, 1, 2), lambda z: model.decode(z.reshape(-1, D))
    )
    coder, said = adapted(given, images_in(model).numpy())
    assert (coder.latent_dim, getattr(coder, "latent_shape", None)) == (D, (2, 1, 2))
    assert any("flattened from 2 x 1 x 2" in sentence for sentence in said)
    check_exact(coder, images_in(model))


@pytest.mark.parametrize("form", ["flat", "last", "grey"])
def test_the_form_in_which_images_are_taken_is_found_by_trying(form):
    model = Plain()

    class Picky(Plain):
        def encode(self, images):
            wanted = {"flat": (64,), "last": (8, 8, 1), "grey": (8, 8)}[form]
            if tuple(images.shape[1:]) != wanted:
                raise ValueError(f"images are {tuple(images.shape)}")
            return super().encode(images.reshape(-1, *SHAPE))

        def decode(self, latents):
            images = super().decode(latents)
            return {"flat": images.flatten(1), "last": images.permute(0, 2, 3, 1), "grey": images[:, 0]}[form]

    check_exact(opened(Picky()), images_in(model))


# --- pixels ---------------------------------------------------------------------------------------------------------


def test_a_decoder_from_minus_one_to_one_is_found_out_and_said():
    model = Plain(low=-1)
    coder, said = adapted(model, images_in(model).numpy())
    assert any("[-1, 1]" in sentence for sentence in said)
    check_exact(coder, images_in(model))


def test_a_decoder_of_bytes_is_found_out_and_said():
    model = Plain(high=255)
    coder, said = adapted(model, images_in(model).numpy())
    assert any("[0, 255]" in sentence for sentence in said)
    check_exact(coder, images_in(model))


def test_a_range_that_is_stated_is_taken():
    model = Plain(low=-0.5, high=2)
    check_exact(opened(model, images_in(model), pixel_range=(-0.5, 2)), images_in(model))


def test_a_range_that_cannot_be_told_is_refused():
    torch.manual_seed(0)
    model = nn.Module()
    model.encoder, model.decoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), nn.Sequential(nn.Linear(4, 64))
    with pytest.raises(ShapeError, match=r"not clear whether .* say it with pixel_range"):
        opened(model)
    assert opened(model, pixel_range=(-1, 1)).latent_dim == 4


@pytest.mark.parametrize("low", [0, -1])
def test_a_decoder_without_an_activation_is_told_by_what_it_reconstructs(low):
    model = Plain(low=low, latent_dim=8)
    with torch.no_grad():
        model.into.weight.mul_(1.5)  # what it overshoots is no reason to take it for another range
    coder = opened(model, images_in(model))
    assert getattr(coder, "pixel_range", None) == (low, 1)


@pytest.mark.parametrize("low", [0, -1])
def test_principal_components_are_told_by_the_decode_of_the_origin(low):
    """They reconstruct in every range: of the images' own linear model only the mean image says which it is."""
    images = np.linspace(0, 1, 40)[:, None, None, None] ** 2 * np.linspace(0.1, 0.9, 64).reshape(1, 1, 8, 8)
    units = torch.from_numpy(images.astype(np.float32))
    pixels = (units * (1 - low) + low).flatten(1)
    mean, axis = pixels.mean(0), torch.linalg.svd(pixels - pixels.mean(0), full_matrices=False)[2][:1]
    given = explorer.from_torch(
        lambda x: (x.flatten(1) - mean) @ axis.T, lambda z: (z @ axis + mean).reshape(-1, *SHAPE)
    )
    assert getattr(opened(given, units), "pixel_range", None) == (low, 1)


def test_logits_are_refused_with_what_to_do():
    model = Plain()
    given = explorer.from_torch(model.encode, lambda z: 9 * (model.decode(z) - 0.5))
    with pytest.raises(ShapeError, match=r"logits, give decode with a sigmoid"):
        opened(given)


def test_an_unfitted_model_with_a_sigmoid_is_between_zero_and_one():
    torch.manual_seed(0)
    model = nn.Module()
    model.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    model.decoder = nn.Sequential(nn.Linear(4, 64), nn.Sigmoid())
    coder = opened(model)
    assert 0.3 < coder.decode(np.zeros((1, 4), dtype=np.float32)).mean() < 0.7


# --- the trial ------------------------------------------------------------------------------------------------------

TROUBLES = {
    "samples": (lambda mean: mean + torch.randn_like(mean), "draws from the posterior"),
    "deviation": (lambda mean: (mean, (0.5 * spread(mean)).exp()), "spread='deviation'"),
    "nothing": (lambda mean: None, "encode answers a NoneType"),
    "two shapes": (lambda mean: (mean, mean.sum()), "do not go together"),
    "three alike": (lambda mean: (mean, mean, mean), "none changes from call to call"),
    "not finite": (lambda mean: mean / 0, "not finite"),
    "one number": (lambda mean: mean.sum(), "one code for each image"),
    "both in a row": (lambda mean: torch.cat([mean, spread(mean)], 1), "mean and log-variance end to end"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_model_that_cannot_be_explored_is_told_what_to_do(name):
    change, words = TROUBLES[name]
    with pytest.raises(ShapeError, match=re.escape(words)) as caught:
        opened(answering(change))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_a_deviation_that_is_called_one_is_believed():
    model = Plain()

    def encode(images):
        mean = model.encode(images)
        return mean, (0.5 * spread(mean)).exp()

    coder = opened(explorer.from_torch(encode, model.decode, spread="deviation"))
    posterior = coder.encode(images_in(model).numpy())
    assert posterior.log_variance is not None
    np.testing.assert_allclose(posterior.log_variance, spread(torch.from_numpy(posterior.mean)), atol=1e-4)


def test_a_module_in_training_mode_is_put_into_evaluation_mode_and_said():
    class Dropping(Plain):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout()

        def encode(self, images):
            return super().encode(self.drop(images))

    model = Dropping()
    coder, said = adapted(model, images_in(model).numpy())
    assert any("was in training mode" in sentence for sentence in said)
    assert not model.training
    check_exact(coder, images_in(model))


def test_a_code_that_depends_on_its_batch_is_refused():
    with pytest.raises(ShapeError, match="other images stand beside it"):
        opened(answering(lambda mean: mean - mean.mean(0)))


def test_images_of_another_size_are_refused_with_what_the_model_said():
    with pytest.raises(ShapeError, match=r"does not take images of shape .*\(32, 1, 9, 9\).*RuntimeError"):
        opened(Plain(), np.zeros((40, 1, 9, 9)))


def test_a_module_without_the_two_functions_names_its_parts():
    model = nn.Module()
    model.trunk = nn.Linear(2, 2)
    with pytest.raises(ConfigError, match=r"neither encode and decode .* \(its parts: trunk\).*from_torch"):
        opened(model)


@pytest.mark.parametrize("thing", [3, object(), "nowhere.onnx", "nowhere.py:make", "no such place", None])
def test_what_is_no_model_is_a_sentence(thing):
    with pytest.raises(ExplorerError) as caught:
        opened(thing)
    assert "\n" not in str(caught.value)


def test_settings_out_of_range_are_refused():
    model = Plain()
    with pytest.raises(ConfigError, match="pixel_range must be"):
        explorer.from_torch(model.encode, model.decode, pixel_range=(1, 0))
    with pytest.raises(ConfigError, match="spread must be one of"):
        explorer.from_torch(model.encode, model.decode, spread="width")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigError, match="decode must be a function"):
        explorer.from_torch(model.encode, None)  # pyright: ignore[reportArgumentType]


def test_a_coder_stays_what_it_is():
    coder = linear_coder()
    assert adapted(coder, np.zeros((3, 1, 8, 8), dtype=np.float32)) == (coder, ())


def test_a_coder_in_numpy_may_answer_a_pair():
    class Pair:
        latent_dim, image_shape, levels = 2, (1, 8, 8), 256

        def __init__(self):
            self.inner = linear_coder()

        def encode(self, images):
            posterior = self.inner.encode(images)
            return posterior.mean, posterior.log_variance

        def decode(self, latents):
            return np.clip(self.inner.decode(latents), 0, 1)

    images = linear_coder().sample_images(40, np.random.default_rng(0)).clip(0, 1)
    posterior = opened(Pair(), images).encode(images)
    np.testing.assert_allclose(posterior.mean, linear_coder().encode(images).mean, atol=1e-5)
    assert posterior.log_variance is not None


# --- programs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("low", [0, -1])
@pytest.mark.parametrize("make", [Plain, Variational])
def test_the_browser_computes_a_torch_model_in_its_own_range(make, low):
    model = make(low=low)
    images = images_in(model).numpy()
    coder = opened(model, images)
    latents = coder.encode(images).mean
    np.testing.assert_allclose(
        run_program(program_of(coder, "decoder"), latents)["pixels"], coder.decode(latents), atol=1e-5
    )
    found = run_program(program_of(coder, "encoder"), images)
    np.testing.assert_allclose(found["mean"], latents, atol=1e-4)
    assert ("log_variance" in found) == (make is Variational)


def test_functions_over_modules_are_computed_in_the_browser_as_well():
    model = Plain()
    given = explorer.from_torch(
        lambda x: model.encode(x).reshape(-1, 2, 1, 2), lambda z: model.decode(z.reshape(-1, D))
    )
    coder, latents = opened(given), np.ones((2, D), dtype=np.float32)
    found = run_program(program_of(coder, "decoder"), latents)["pixels"]
    np.testing.assert_allclose(found, coder.decode(latents), atol=1e-5)


def test_others_may_use_a_model_while_it_is_traced():
    """torch.fx catches every call of a module in the process: a server that decoded meanwhile answered 500."""
    found = []

    class Watched(Plain):
        def decode(self, latents):
            if isinstance(latents, torch.fx.Proxy):
                latent = torch.ones(1, D)
                other = threading.Thread(target=lambda: found.append(super(Watched, self).decode(latent)))
                other.start()
                other.join()
            return super().decode(latents)

    model = Watched()
    program_of(opened(model), "decoder")
    torch.testing.assert_close(found[0], Plain().decode(torch.ones(1, D)))


def test_a_model_stays_in_evaluation_mode_when_its_programs_were_made():
    class Normed(Plain):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(D)

        def encode(self, images):
            pixels: Any = np.prod(SHAPE)  # numpy's whole number, as pythae has it
            return self.norm(super().encode(images.reshape(-1, pixels)))

    model = Normed()
    coder, images = opened(model), images_in(model).numpy()
    before = coder.encode(images).mean
    found = run_program(program_of(coder, "encoder"), images)["mean"]
    assert not model.training
    np.testing.assert_array_equal(coder.encode(images).mean, before)
    np.testing.assert_allclose(found, before, atol=1e-4)


# --- several --------------------------------------------------------------------------------------------------------


def test_models_of_a_list_are_named_after_their_classes():
    assert list(named_models([Plain(), Variational(), Plain()])) == ["Plain", "Variational", "Plain-2"]
    assert list(named_models(Plain())) == ["yours"]
    given = explorer.from_torch(Plain().encode, Plain().decode)
    assert list(named_models([given, dataclasses.replace(given, title="my net!")])) == ["Plain", "my-net"]


def test_a_script_gets_the_coder_that_the_page_has():
    model = Plain(low=-1)
    coder = explorer.as_coder(model, images_in(model) * 2 - 1)
    assert (coder.latent_dim, getattr(coder, "pixel_range", None)) == (D, (-1, 1))
    check_exact(coder, images_in(model))
