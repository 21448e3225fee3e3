"""The runs of one process: found, named, opened, held, and refused."""

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from explorer import checkpoint
from explorer.arrays import Posterior
from explorer.checkpoint import write_json, write_tensors
from explorer.config import from_json
from explorer.errors import CheckpointError, DataError, MissingDataError, ShapeError, UnconvertedError
from explorer.images import encoded_picture, picture_type, to_unit
from explorer.library import FEWEST_IMAGES, LAWS, SCALARS, Card, Library, Memory
from explorer.views import look
from tests.fakes import LinearCoder, linear_coder
from tests.serve_fake import fake_library


@pytest.fixture(scope="module")
def held() -> Library:
    """Two linear models in memory; read only."""
    return fake_library()


@pytest.fixture(scope="module")
def stored(twin_runs: Path) -> Library:
    """The twins of the disk; read only."""
    return Library(twin_runs)


@pytest.fixture
def copied(twin_runs: Path, tmp_path: Path) -> Path:
    """A copy of both twins to damage."""
    return Path(shutil.copytree(twin_runs, tmp_path / "runs"))


NEWER = ("fitting", "fitting_index", "calibration_mean", "calibration_cost", "calibration_features", "local_frame")
NEWER += ("many_weights", "many_means", "many_covariances")
"""Arrays that runs of the first edition have not."""


def test_a_run_of_the_first_edition_still_opens_and_what_it_lacks_has_its_stated_meaning(copied):
    folder = copied / "digits-vae-2"
    arrays = checkpoint.read_tensors(folder / "latents.safetensors")
    assert set(NEWER) - arrays.keys() <= {"calibration_features", *checkpoint.TOGETHER}
    write_tensors(folder / "latents.safetensors", {name: arrays[name] for name in arrays.keys() - set(NEWER)})
    metrics = json.loads((folder / "metrics.json").read_text())
    for law in LAWS:
        metrics["holes"][law].pop("tell_apart", None)
    write_json(folder / "metrics.json", {name: part for name, part in metrics.items() if name != "replicates"})
    old, new = Library(copied).open("digits-vae-2"), Library(copied.parent / "runs").open("digits-ae-2")
    assert old.default_law == "raw", "its prior, as before there was tell-apart"
    assert old.mean_vacancy is old.vacancy
    assert old.typicality is None, "without stored costs there is nothing to compare an image with"
    np.testing.assert_allclose(old.white.mean, old.latents.reference.mean(0, dtype=np.float64))
    p = old.vacancy.p_value(old.latents.draw)
    assert ((p > 0) & (p <= 1)).all() and new.latents.local_frame is not None
    np.testing.assert_array_equal(new.frame.to_white, new.latents.local_frame)


def test_listing_runs_loads_neither_torch_nor_sklearn_nor_gradio(twin_runs, root):
    program = (
        "import sys; from pathlib import Path; from explorer.library import Library\n"
        "library = Library(Path(sys.argv[1])); assert len(library.cards()) == 2; library.open('digits-vae-2')\n"
        "print([m for m in ('torch', 'sklearn', 'gradio', 'plotly', 'torchvision') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(twin_runs)], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_runs_on_disk_are_listed_with_their_cards(stored):
    assert stored.names() == ["digits-ae-2", "digits-vae-2"]
    card = stored.card("digits-vae-2")
    assert (card.family, card.dataset, card.latent_dim) == ("vae", "digits", 2)
    assert card.number("test", "distortion") is not None
    assert card.number("test", "no such score") is None
    assert card.number("no", "such", "branch") is None


def test_a_score_is_a_number_or_a_value_with_its_interval():
    metrics = {
        "test": {
            "a": 1,
            "b": {"value": 2.5, "low": 2},
            "c": True,
            "d": float("nan"),
            "e": "1",
            "f": {"low": 1},
            "g": 10**400,
        }
    }
    card = Card(name="x", family="vae", dataset="digits", latent_dim=2, config=None, metrics=metrics, version="1")
    assert [card.number("test", key) for key in "abcdefg"] == [1.0, 2.5, None, None, None, None, None]


def test_twins_know_each_other_whichever_names_the_other(copied):
    library = Library(copied)
    assert library.twin("digits-vae-2") == "digits-ae-2"
    assert library.twin("digits-ae-2") == "digits-vae-2"
    edit_config(copied / "digits-ae-2", twin=None)
    assert library.twin("digits-ae-2") == "digits-vae-2"
    shutil.rmtree(copied / "digits-vae-2")
    assert library.twin("digits-ae-2") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"fingerprint": "0" * 64}},
        {"data": {"fingerprint": None}},
        {"model": {"hidden": 65}},
        {"train": {"seed": 1}},
    ],
)
def test_a_run_that_only_claims_to_be_a_twin_is_none(copied, changes):
    edit_config(copied / "digits-ae-2", **changes)
    library = Library(copied)
    assert library.twin("digits-vae-2") is None
    assert library.twin("digits-ae-2") is None
    assert library.open("digits-vae-2").twin is None


def test_a_twin_that_is_none_does_not_hide_the_one_that_names_the_run(copied):
    shutil.copytree(copied / "digits-ae-2", copied / "other")
    edit_config(copied / "other", train={"seed": 1}, twin="digits-vae-2")
    edit_config(copied / "digits-vae-2", twin="other")
    assert Library(copied).twin("digits-vae-2") == "digits-ae-2"


@pytest.mark.parametrize(
    "name",
    ["nope", "", ".", "..", "../runs", "a/../b", "/etc", "digits-vae-2/", "digits-vae-2\0", "x" * 5000, "C:\\x"],
)
def test_a_name_that_is_no_run_is_refused_and_never_reaches_the_disk(stored, name):
    assert not stored.has(name)
    for ask in (stored.card, stored.open, stored.folder, stored.twin, stored.check):
        with pytest.raises(CheckpointError, match="there is no run named"):
            ask(name)


@pytest.mark.parametrize("name", [None, 3, ["digits-vae-2"], {"a": 1}, True])
def test_a_name_that_is_no_text_is_refused(stored, name):
    assert not stored.has(name)
    with pytest.raises(CheckpointError, match="there is no run named"):
        stored.open(name)


def test_a_missing_folder_of_runs_is_a_users_mistake(tmp_path):
    with pytest.raises(CheckpointError, match="--checkpoints"):
        Library(tmp_path / "nowhere")


def test_an_empty_library_has_no_default(tmp_path):
    assert Library(tmp_path).default() is None
    assert Library(None).names() == []


def test_the_default_is_the_mnist_vae_with_the_lowest_nll(copied):
    library = Library(copied)
    assert library.default() == "digits-vae-2", "without MNIST a VAE comes first"
    for name, family, nll in (("a-vae", "vae", 90.0), ("b-vae", "vae", 86.0), ("c-ae", "ae", 1.0)):
        folder = Path(shutil.copytree(copied / "digits-vae-2", copied / name))
        edit_config(folder, data={"dataset": "mnist", "name": "mnist"}, model={"family": family})
        (folder / "metrics.json").write_text(json.dumps({"test": {"nll_iw": {"value": nll}}}))
    assert library.default() == "b-vae"
    library.preferred = "digits-ae-2"
    assert library.default() == "digits-ae-2"
    library.preferred = "gone"
    assert library.default() == "b-vae"


def test_a_run_is_opened_once_and_again_when_its_files_change(copied):
    library = Library(copied)
    first = library.open("digits-vae-2")
    assert library.open("digits-vae-2") is first
    metrics = copied / "digits-vae-2" / "metrics.json"
    metrics.write_text(metrics.read_text() + " ")
    second = library.open("digits-vae-2")
    assert second is not first
    assert second.card.version != first.card.version


def test_parallel_visitors_open_one_run(twin_runs):
    library, barrier, found = Library(twin_runs), threading.Barrier(8), []

    def visit() -> None:
        barrier.wait()
        found.append(library.open("digits-vae-2"))

    threads = [threading.Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_the_run_used_longest_ago_is_let_go_where_they_hold_too_much(copied):
    library = Library(copied, memory=Memory(most=1, most_each=1))
    first = library.open("digits-vae-2")
    library.open("digits-ae-2")
    assert library.open("digits-vae-2") is not first


def test_runs_measured_on_the_same_images_share_them(twin_runs):
    library = Library(twin_runs)
    first, second = (library.open(name).images() for name in ("digits-vae-2", "digits-ae-2"))
    assert first is not None
    assert first is second


def test_images_let_go_are_read_again_and_are_the_same(twin_runs):
    library = Library(twin_runs, memory=Memory(most=1, most_each=1))
    run = library.open("digits-vae-2")
    first, other = run.images(), library.open("digits-ae-2").reconstructions
    again = run.images()
    assert first is not None and again is not None and again is not first
    np.testing.assert_array_equal(first, again)
    assert other.shape == first.shape


def test_a_conversion_that_runs_out_of_memory_is_one_sentence_and_not_begun_for_ever(twin_runs, monkeypatch):
    begun = []

    def load(*_: object, convert: bool = True, **__: object) -> None:
        if not convert:
            raise UnconvertedError("not yet")
        begun.append(1)
        raise MemoryError

    monkeypatch.setattr("explorer.data.load_dataset", load)
    library = Library(twin_runs)
    for _ in range(3):
        assert library.open("digits-vae-2").images() is None
        for thread in threading.enumerate():
            if thread.name == "convert":
                thread.join(60)
    trouble = library.images_trouble("digits-vae-2")
    assert trouble is not None
    assert (trouble.kind, len(begun)) == ("damaged", 1)
    assert "not enough memory" in trouble.sentence


# --- damaged runs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", b"{"),
        ("config.json", b"[]"),
        ("config.json", b'{"format": 99}'),
        ("config.json", b'{"surprise": 1}'),
        ("metrics.json", b"not json"),
        ("metrics.json", b"[1]"),
        ("latents.safetensors", b""),
        ("latents.safetensors", b"\xff" * 64),
        ("latents.safetensors", b"\x08\0\0\0\0\0\0\0{}      "),
        ("model.safetensors", b""),
        ("model.safetensors", b"\xff\xff\xff\xff\xff\xff\xff\x7f{}"),
    ],
)
def test_a_damaged_run_is_one_sentence_and_harms_no_other(copied, file, content):
    (copied / "digits-vae-2" / file).write_bytes(content)
    library = Library(copied)
    with pytest.raises(CheckpointError) as caught:
        library.check("digits-vae-2")
    assert file in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "digits-vae-2" in library.names()
    assert isinstance(library.cards()["digits-ae-2"], Card)
    library.check("digits-ae-2")
    assert library.open("digits-ae-2").coder.decode(np.zeros((1, 2), np.float32)).shape == (1, 1, 8, 8)


def test_truncated_weights_are_found_when_the_model_is_wanted(copied):
    weights = copied / "digits-vae-2" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    run = Library(copied).open("digits-vae-2")
    for _ in range(2):
        with pytest.raises(CheckpointError, match=r"model\.safetensors"):
            _ = run.coder
    assert len(run.latents.mean) == 300, "what is stored needs no model"


def test_latents_of_another_dimension_are_refused(copied):
    edit_config(copied / "digits-vae-2", model={"latent_dim": 3})
    with pytest.raises(CheckpointError, match=r"latents\.safetensors"):
        Library(copied).open("digits-vae-2")


def test_the_default_passes_over_damaged_runs(copied):
    (copied / "digits-vae-2" / "config.json").write_text("{")
    assert Library(copied).default() == "digits-ae-2"
    (copied / "digits-ae-2" / "config.json").write_text("{")
    assert Library(copied).default() is None


@pytest.mark.parametrize("file", ["latents.safetensors", "model.safetensors"])
def test_a_default_that_cannot_be_opened_is_not_offered_again_until_it_changes(copied, file):
    damaged = copied / "digits-vae-2" / file
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1])
    library = Library(copied)
    assert library.default() == "digits-vae-2"
    library.warm()
    assert library.default() == "digits-ae-2"
    damaged.write_bytes(whole)
    assert library.default() == "digits-vae-2"


# --- an open run ----------------------------------------------------------------------------------------------------


def test_images_are_those_of_the_evaluation_split(stored):
    from explorer.data import load_dataset

    run = stored.open("digits-vae-2")
    assert run.config is not None
    pixels = run.images()
    assert pixels is not None
    np.testing.assert_array_equal(pixels, load_dataset(run.config.data).pixels[run.latents.index])
    assert run.thumbnails().max() == 255, "seventeen grey levels fill the bytes"


def test_another_copy_of_the_data_set_is_not_shown(copied):
    edit_config(copied / "digits-vae-2", data={"fingerprint": "0" * 64})
    run = Library(copied).open("digits-vae-2")
    assert run.images() is None
    assert run.original(0) is None
    np.testing.assert_array_equal(run.thumbnails(), run.reconstructions)
    assert run.reconstruct(0)["mse"] is None


def test_an_index_beyond_the_data_set_shows_no_image(copied):
    folder = copied / "digits-vae-2"
    arrays = checkpoint.read_tensors(folder / "latents.safetensors")
    checkpoint.write_tensors(folder / "latents.safetensors", {**arrays, "index": arrays["index"] + 10**6})
    assert Library(copied).open("digits-vae-2").images() is None


@pytest.mark.parametrize("name", ["linear-vae", "linear-ae"])
@pytest.mark.parametrize("law", LAWS)
def test_every_law_draws_finite_latents_that_a_seed_decides(held, name, law):
    run = held.open(name)
    first = run.sample(law, 5, np.random.default_rng(3))
    assert first.shape == (5, 4)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, run.sample(law, 5, np.random.default_rng(3)))


def test_an_unknown_law_or_score_is_refused(held):
    run = held.open("linear-vae")
    with pytest.raises(ShapeError, match="law must be one of"):
        run.sample("black", 1, np.random.default_rng(0))
    with pytest.raises(ShapeError, match="score must be one of"):
        run.scalar("beauty")


@pytest.mark.parametrize("score", SCALARS)
def test_every_score_has_one_number_per_image(held, score):
    run = held.open("linear-vae")
    values = run.scalar(score)
    assert values.shape == (1797,)
    assert np.isfinite(values).all()


def test_a_latent_far_from_all_codes_is_vacant_and_one_of_them_is_not(held):
    run = held.open("linear-vae")
    near, far = run.trust(run.latents.calibration[0]), run.trust(np.full(4, 40, np.float32))
    assert far["vacancy"] == pytest.approx(1 / (len(run.latents.calibration) + 1))
    assert near["vacancy"] > far["vacancy"]
    assert far["norm"] == pytest.approx(80)
    assert far["norm_percentile"] == 1
    assert near["round_trip"] == pytest.approx(0, abs=1e-5), "a linear model encodes back what it decodes"


def test_an_images_code_is_judged_among_means_and_a_draw_among_draws(stored):
    run = stored.open("digits-vae-2")
    for among, vacancy in (("draws", run.vacancy), ("means", run.mean_vacancy)):
        shares = [run.trust(latent, among)["vacancy"] for latent in run.latents.mean[:20]]
        np.testing.assert_array_equal(shares, vacancy.p_value(run.latents.mean[:20]))
    assert run.mean_vacancy.frame is run.vacancy.frame
    assert run.latents.calibration_mean is not None
    p = run.mean_vacancy.p_value(run.latents.calibration_mean)
    assert (p <= 0.05).mean() <= 0.05, "the images that calibrate are as odd as they are"


def test_a_run_judges_images_by_cost_code_and_features_as_it_stored_them(stored):
    run = stored.open("digits-vae-2")
    measure, latents = run.typicality, run.latents
    assert measure is not None and latents.calibration_cost is not None and latents.calibration_mean is not None
    found = measure.judge(latents.calibration_cost, latents.calibration_mean, latents.calibration_features)
    for shares in (found.cost, found.code, found.together):
        assert (shares <= 0.05).mean() <= 0.1
    dear = measure.judge(latents.calibration_cost + 1e4, latents.calibration_mean, latents.calibration_features)
    assert (dear.together <= 0.05).all()
    assert (measure.real is None) == (latents.calibration_features is None)


def test_a_model_in_memory_judges_images_by_cost_and_code_alone(held):
    run = held.open("linear-vae")
    measure = run.typicality
    assert measure is not None and measure.real is None
    found = measure.judge(run.latents.distortion + run.latents.rate, run.latents.mean)
    assert found.features is None
    assert 0.01 < (found.together <= 0.05).mean() < 0.09


def test_trust_is_asked_of_one_latent(held):
    run = held.open("linear-vae")
    for latent in (np.zeros((2, 4)), np.zeros(3), [np.nan] * 4):
        with pytest.raises(ShapeError):
            run.trust(latent)


def test_a_reconstruction_is_priced_as_on_paper(held):
    run = held.open("linear-vae")
    known = run.reconstruct(7)
    original, again = run.original(7), run.reconstruction(7)
    assert original is not None
    assert known["mse"] == pytest.approx(float(np.square(original / 16 - again).mean()), rel=1e-5)
    assert known["label"] == "7"
    assert 0 <= known["percentile"] <= 1
    assert held.open("linear-ae").reconstruct(7)["rate"] is None
    for number in (-1, 1797):
        with pytest.raises(ShapeError, match="images 0 to 1796"):
            run.reconstruct(number)


def test_the_elbo_of_an_image_is_that_of_draws_from_its_posterior_and_a_bound(held):
    run = held.open("linear-vae")
    assert isinstance(run.coder, LinearCoder)
    assert run.latents.log_variance is not None
    spread = (np.exp(run.latents.log_variance[7]) * (run.coder.matrix**2).sum(0)).sum() / (2 * run.coder.sigma**2)
    pixels = run.original(7)
    assert pixels is not None
    known, image = run.reconstruct(7), to_unit(pixels, run.levels)[None]
    at_the_mean = -known["distortion"] - known["rate"]
    elbo = look.lower_bound(run, image, "elbo")
    assert elbo == pytest.approx(at_the_mean - spread, abs=0.6 * spread)
    assert elbo < at_the_mean
    assert elbo < run.coder.evidence(image)[0]
    assert look.lower_bound(run, image, "elbo") == elbo, "always the same draws"
    assert look.spread(run, image).elbo < run.coder.evidence(image)[0]
    with pytest.raises(ShapeError, match="point"):
        look.lower_bound(held.open("linear-ae"), image, "elbo")


def test_a_run_of_the_disk_has_an_elbo_below_its_stored_sum(stored):
    run = stored.open("digits-vae-2")
    known = [run.reconstruct(number) for number in range(20)]
    images = to_unit(run.images()[:20], run.levels)
    elbos = [look.lower_bound(run, image[None], "elbo") for image in images]
    assert sum(-k["distortion"] - k["rate"] - elbo for k, elbo in zip(known, elbos, strict=True)) > 0


def test_trust_goes_round_over_active_axes_only():
    class Collapsed:
        """Its second latent never depends on the image."""

        def __init__(self) -> None:
            self.inner = linear_coder(2, log_variance=0.0)
            self.latent_dim, self.image_shape, self.levels = 2, self.inner.image_shape, self.inner.levels
            self.decode = self.inner.decode

        def encode(self, images: np.ndarray) -> Posterior:
            found = self.inner.encode(images)
            return Posterior(found.mean * np.array([1, 0], np.float32), found.log_variance)

    coder = Collapsed()
    images = np.clip(coder.inner.sample_images(200, np.random.default_rng(0)), 0, 1)
    run = Library(None).hold("mine", coder, images)
    assert run.trust(np.array([0.5, 3], np.float32))["round_trip"] == pytest.approx(0, abs=1e-5)


def test_an_autoencoder_is_sampled_from_its_fitted_gaussian_first(held):
    assert held.open("linear-ae").default_law == "white"
    assert held.open("linear-vae").default_law == "raw"


# --- models in memory -----------------------------------------------------------------------------------------------


def some_images(count: int = 60) -> np.ndarray:
    return np.random.default_rng(0).random((count, 1, 8, 8), dtype=np.float32)


def test_a_held_model_is_a_run_like_any_other(stored, twin_runs):
    library = Library(twin_runs)
    run = library.hold("mine", linear_coder(3), some_images())
    assert library.names() == ["mine", "digits-ae-2", "digits-vae-2"]
    assert library.default() == "mine"
    assert library.open("mine") is run
    assert (run.family, run.latent_dim, run.labels, run.config) == ("vae", 3, None, None)
    assert not np.intersect1d(run.latents.reference_index, run.latents.calibration_index).size
    assert library.twin("mine") is None
    assert not library.can_download("mine")
    library.warm()


def test_bytes_and_floats_hold_the_same_images():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8)
    library = Library(None)
    first = library.hold("bytes", linear_coder(), pixels)
    second = library.hold("floats", linear_coder(), pixels.astype(np.float32) / np.float32(255))
    for run in (first, second):
        np.testing.assert_array_equal(run.images(), pixels)
    np.testing.assert_allclose(first.latents.mean, second.latents.mean, atol=1e-5)


def test_a_model_without_likelihood_has_no_distortion():
    class Plain:
        def __init__(self) -> None:
            inner = linear_coder(2, log_variance=None)
            self.latent_dim, self.image_shape, self.levels = inner.latent_dim, inner.image_shape, inner.levels
            self.encode, self.decode = inner.encode, inner.decode

    run = Library(None).hold("plain", Plain(), some_images())
    assert run.family == "ae"
    assert run.reconstruct(0)["distortion"] is None
    with pytest.raises(ShapeError, match="no likelihood"):
        run.scalar("distortion")


def test_names_of_held_models_are_plain_and_unique():
    library = Library(None)
    library.hold("mine", linear_coder(), some_images())
    with pytest.raises(CheckpointError, match="already"):
        library.hold("mine", linear_coder(), some_images())
    for name in ("", "../x", "a b", "<b>"):
        with pytest.raises(CheckpointError, match="a run's name is"):
            library.hold(name, linear_coder(), some_images())


@pytest.mark.parametrize(
    ("images", "match"),
    [
        (np.zeros((40, 8, 8), np.float32), "shaped"),
        (np.zeros((40, 3, 8, 8), np.float32), "shaped"),
        (np.zeros((FEWEST_IMAGES - 1, 1, 8, 8), np.float32), "at least"),
        (np.full((40, 1, 8, 8), 1.01, np.float32), "lie in"),
        (np.full((40, 1, 8, 8), -0.01, np.float32), "lie in"),
        (np.full((40, 1, 8, 8), np.nan, np.float32), "finite"),
        (np.zeros((40, 1, 8, 8), np.int64), "float in"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, match):
    with pytest.raises(ShapeError, match=match):
        Library(None).hold("mine", linear_coder(), images)


def test_grey_levels_beyond_the_models_are_refused():
    with pytest.raises(ShapeError, match="the largest is 17"):
        Library(None).hold("mine", linear_coder(levels=17), np.full((40, 1, 8, 8), 17, np.uint8))


@pytest.mark.parametrize("labels", [np.zeros(59, int), np.zeros(60), np.zeros((60, 1), int), ["a"] * 60])
def test_labels_that_do_not_fit_are_refused(labels):
    with pytest.raises(ShapeError, match="labels must be"):
        Library(None).hold("mine", linear_coder(), some_images(), labels)


@pytest.mark.parametrize(
    ("label", "class_names"), [(-1, None), (10**9, None), (10_000, None), (3, ("a", "b", "c")), (0, ("a",) * 10_001)]
)
def test_labels_without_a_class_are_refused(label, class_names):
    labels = np.zeros(60, int)
    labels[7] = label
    with pytest.raises(ShapeError, match="number the classes from 0") as caught:
        Library(None).hold("mine", linear_coder(), some_images(), labels, class_names=class_names)
    assert "\n" not in str(caught.value)


def test_labels_without_names_are_called_by_their_numbers():
    run = Library(None).hold("mine", linear_coder(), some_images(), np.arange(60) % 3)
    assert run.class_names == ("0", "1", "2")


# --- data sets ------------------------------------------------------------------------------------------------------


def mnist_run(copied: Path, data_dir: Path) -> Library:
    """A library in which digits-vae-2 claims to be a run on MNIST, whose files would be in data_dir."""
    edit_config(copied / "digits-vae-2", data={"dataset": "mnist", "name": "mnist"})
    return Library(copied, data_dir)


def test_a_missing_data_set_is_missing_and_offered(copied, tmp_path):
    library = mnist_run(copied, tmp_path)
    trouble = library.images_trouble("digits-vae-2")
    assert trouble is not None
    assert (trouble.kind, library.can_download("digits-vae-2")) == ("missing", True)
    assert library.images_trouble("digits-ae-2") is None


def test_a_damaged_data_set_is_called_so_and_read_again_only_when_it_changes(copied, tmp_path, monkeypatch):
    from explorer import data

    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    images = raw / "train-images-idx3-ubyte"
    images.write_bytes(b"no images")
    (raw / "train-labels-idx1-ubyte").write_bytes(b"no labels")
    reads, load = [], data.load_dataset
    monkeypatch.setattr(data, "load_dataset", lambda *given, **named: reads.append(1) or load(*given, **named))
    library = mnist_run(copied, tmp_path)
    for _ in range(3):
        trouble = library.images_trouble("digits-vae-2")
        assert trouble is not None
        assert trouble.kind == "damaged"
        assert "train-images-idx3-ubyte" in trouble.sentence
        assert not library.can_download("digits-vae-2")
    assert len(reads) == 1
    images.unlink()
    trouble = library.images_trouble("digits-vae-2")
    assert trouble is not None
    assert trouble.kind == "missing"
    assert len(reads) == 2


def test_another_copy_is_called_so_and_not_offered_for_download(copied):
    edit_config(copied / "digits-vae-2", data={"fingerprint": "0" * 64})
    library = Library(copied)
    trouble = library.images_trouble("digits-vae-2")
    assert trouble is not None
    assert trouble.kind == "another copy"
    assert "another copy" in trouble.sentence
    assert not library.can_download("digits-vae-2")


@pytest.mark.parametrize("dataset", ["digits", "nope", "../x", "", None, 3])
def test_what_cannot_be_downloaded_is_refused(dataset):
    with pytest.raises(DataError, match="cannot be downloaded"):
        Library(None).datasets.download(dataset)


def test_one_download_at_a_time_and_its_images_appear(copied, monkeypatch):
    from explorer import data

    inside, leave, fetched = threading.Event(), threading.Event(), []
    digits = data.load_dataset(data.DataConfig(dataset="digits"))

    def load(config, data_dir=None, download=False, **_):
        if not download:
            raise MissingDataError("not there")
        inside.set()
        assert leave.wait(30)
        return digits

    monkeypatch.setattr(data, "load_dataset", load)
    edit_config(copied / "digits-vae-2", data={"dataset": "mnist", "name": "mnist"})
    library = Library(copied)
    assert library.open("digits-vae-2").images() is None
    assert library.can_download("digits-vae-2")
    asked = ("mnist", lambda share, what: fetched.append(share))
    first = threading.Thread(target=library.datasets.download, args=asked)
    first.start()
    assert inside.wait(30)
    with pytest.raises(DataError, match="already"):
        library.datasets.download("mnist")
    leave.set()
    first.join()
    assert fetched[0] == 0
    assert fetched[-1] == 1
    assert library.open("digits-vae-2").images() is not None
    assert not library.can_download("digits-vae-2")


def edit_config(folder: Path, **changes: object) -> None:
    """Change parts of a stored configuration, which must stay one that can be read."""
    path = folder / "config.json"
    stored = json.loads(path.read_text())
    for key, value in changes.items():
        stored[key] = {**stored[key], **value} if isinstance(value, dict) else value
    from_json(stored, str(path))
    path.write_text(json.dumps(stored))


def test_a_run_of_the_disk_tells_its_history_and_its_sheets(stored, twin_runs):
    run = stored.open("digits-vae-2")
    assert [line["epoch"] for line in run.history()] == [1]
    assert run.sheets() == [1]
    assert run.sheet(1) == (twin_runs / "digits-vae-2" / "sheets" / "epoch-0001.png").read_bytes()
    with pytest.raises(ShapeError, match="no sheet after epoch 2"):
        run.sheet(2)


def test_a_model_in_memory_has_neither_history_nor_sheets(held):
    run = held.open(held.names()[0])
    assert run.history() == []
    assert run.sheets() == []


def test_only_sheets_of_the_run_itself_are_sheets(copied):
    folder = copied / "digits-vae-2" / "sheets"
    secret = copied / "secret.png"
    secret.write_bytes((folder / "epoch-0001.png").read_bytes())
    (folder / "epoch-0002.png").symlink_to(secret)
    (folder / "epoch-0003.png").mkdir()
    for name in (
        "epoch-5.png",
        "epoch-00006.png",
        "epoch-0007.PNG",
        "epoch-0008.png.bak",
        "notes.txt",
        "epoch-٠٠٠٩.png",
    ):
        (folder / name).write_bytes(b"x")
    assert Library(copied).open("digits-vae-2").sheets() == [1]
    shutil.move(folder, copied / "elsewhere")
    folder.symlink_to(copied / "elsewhere")
    assert Library(copied).open("digits-vae-2").sheets() == []


def test_a_sheet_may_be_webp(copied):
    picture = encoded_picture(np.zeros((3, 4, 4), np.uint8), "webp")
    (copied / "digits-vae-2" / "sheets" / "epoch-0002.webp").write_bytes(picture)
    run = Library(copied).open("digits-vae-2")
    assert run.sheets() == [1, 2]
    assert run.sheet(2) == picture
    assert picture_type(picture) == "image/webp"


def test_a_sheet_that_is_no_picture_is_refused_in_a_sentence(copied):
    (copied / "digits-vae-2" / "sheets" / "epoch-0001.png").write_bytes(b"<script>alert(1)</script>")
    with pytest.raises(CheckpointError, match="no PNG or WebP file"):
        Library(copied).open("digits-vae-2").sheet(1)


def test_a_line_of_a_history_that_is_no_object_is_empty_and_takes_no_other_with_it(copied):
    deep = "[" * 100_000
    lines = ["3", "[1]", '"x"', "null", '{"epoch": 4}', "", '{"epoch": 5', deep, "9" * 5000]
    content = "\n".join(lines).encode() + b'\n\xff\xfe\n{"epoch": 6}'
    (copied / "digits-vae-2" / "history.jsonl").write_bytes(content)
    found = Library(copied).open("digits-vae-2").history()
    assert [line.get("epoch") for line in found] == [None] * 4 + [4] + [None] * 4 + [6]


@pytest.mark.parametrize("file", ["history.jsonl", "sheets/epoch-0001.png", "sheets/epoch-0002.png", "metrics.json"])
def test_a_run_has_another_version_when_any_file_of_it_changes(copied, file):
    library = Library(copied)
    before = library.card("digits-vae-2").version
    assert library.card("digits-vae-2").version == before
    path = copied / "digits-vae-2" / file
    path.write_bytes((path.read_bytes() if path.exists() else b"") + b" ")
    assert library.card("digits-vae-2").version != before


def test_all_twins_are_found_as_each_is(copied):
    library = Library(copied)
    coder = linear_coder(2)
    images = np.clip(coder.sample_images(60, np.random.default_rng(0)), 0, 1)
    library.hold("mine", coder, images)
    library.hold("other", linear_coder(2, log_variance=None), images, twin="mine")
    (copied / "broken").mkdir()
    (copied / "broken" / "config.json").write_text("{")
    found = library.twins()
    assert found == {name: library.twin(name) for name in library.names()}
    assert found["digits-vae-2"] == "digits-ae-2"
    assert (found["mine"], found["broken"]) == ("other", None)


def test_another_labelling_of_the_same_images_is_another_version():
    coder, images = linear_coder(), np.random.default_rng(0).random((60, 1, 8, 8), dtype=np.float32)
    versions = {
        Library().hold("mine", coder, images, labels, class_names=names).card.version
        for labels, names in ((None, None), (np.arange(60) % 2, ("a", "b")), (np.arange(60) % 2, ("b", "a")))
    }
    assert len(versions) == 3
