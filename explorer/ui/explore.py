"""Explore: sliders move a latent along directions, and its decode follows the hand."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import gradio as gr
import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.analysis.directions import FEWEST, METHODS, Contrast, Method, contrast
from explorer.arrays import UNKNOWN, Latents, Posterior
from explorer.errors import ShapeError
from explorer.library import Library, OpenRun
from explorer.ui.components import live
from explorer.ui.page import Page
from explorer.ui.routes import (
    MOST_SEED,
    PRIVATE,
    NotFoundError,
    RunRoutes,
    TabRoute,
    array_response,
    direction_json,
    latents_of,
    number_of,
    whole,
)

INTRO = (
    "Each slider moves one point of latent space, and the picture is what the model decodes there. "
    "Drag the topmost slider slowly, then press *Random* and see how far from the data you can go before the picture "
    "stops making sense."
)

MOST_VARIATIONS = 25
"""Draws around one image that are asked for at once."""

MOST_TEMPERATURE = 10.0
"""Largest factor on the posterior's standard deviation."""

LONGEST_NAME = 200
"""Characters of a group's name in an address."""


def build(library: Library, page: Page) -> None:  # noqa: ARG001 - every tab is built with the same arguments
    """Lay out the tab."""
    gr.Markdown(INTRO, elem_classes=["xp-intro"])
    live(page, "explore", "sliders and decoded image")


# --- directions between two groups of images --------------------------------------------------------------------------


def groups(run: OpenRun, kind: str) -> tuple[Latents, dict[str, NDArray[np.uint8]]]:
    """What is known of the images of a run: codes (M, d), and by name 1, 0 or `UNKNOWN` for each of them, (M,).

    Args:
        run: The run.
        kind: 'class' or 'attribute'.

    Raises:
        NotFoundError: Nothing of that kind is known.
    """
    if kind == "class" and run.labels is not None and run.class_names is not None:
        labels = run.labels
        return run.latents.mean, {
            name: (labels == number).astype(np.uint8) for number, name in enumerate(run.class_names)
        }
    names = run.attribute_names
    codes, attributes = run.described
    if kind == "attribute" and names and attributes.shape == (len(codes), len(names)) and len(codes):
        return codes, {name: attributes[:, number] for number, name in enumerate(names)}
    if kind not in ("class", "attribute"):
        raise ShapeError("kind must be class or attribute.")
    what = "labels" if kind == "class" else "attributes"
    raise NotFoundError(f"the images of {run.name} have no {what}.")


def counts(run: OpenRun) -> dict[str, object]:
    """How many images have and lack each class and attribute, and how many a direction needs of either."""
    found: dict[str, object] = {"fewest": FEWEST}
    for kind in ("class", "attribute"):
        try:
            _, known = groups(run, kind)
        except NotFoundError:
            known = {}
        found[kind] = [
            {"name": name, "members": int((has == 1).sum()), "others": int((has == 0).sum())}
            for name, has in known.items()
        ]
    return found


def found_direction(run: OpenRun, kind: str, name: str, method: Method, without: str | None) -> Contrast:
    """The direction to a class or an attribute, found as asked for.

    Args:
        run: The run.
        kind: 'class' or 'attribute'.
        name: Of the class or attribute.
        method: How to find it.
        without: Another one of the same kind, whose direction is projected out; None for none.

    Raises:
        NotFoundError: There is none of that name.
        ShapeError: Too few images have or lack it, or it is to be projected out of itself.
    """
    codes, known = groups(run, kind)
    for each in (name, without):
        if each is not None and each not in known:
            raise NotFoundError(f"{run.name} has no {kind} named {each!r:.60}.")
    if name == without:
        raise ShapeError(f"{name!r:.60} cannot be projected out of itself; choose another.")
    out = None
    if without is not None:
        seen = known[without] != UNKNOWN
        out = contrast(without, kind, codes[seen], known[without][seen] == 1, method=method).direction.vector
    seen = known[name] != UNKNOWN
    found = contrast(name, kind, codes[seen], known[name][seen] == 1, method=method, without=out)
    words = name + (" (logistic)" if method == "logistic" else "") + (f" without {without}" if without else "")
    return replace(found, direction=replace(found.direction, name=words))


# --- around one latent ------------------------------------------------------------------------------------------------


def variations(posterior: Posterior, count: int, temperature: float, seed: int) -> Latents:
    """Draws (count, d) from one image's posterior (1, d), noise times `temperature`.

    Raises:
        ShapeError: The posterior is a point.
    """
    if posterior.log_variance is None:
        raise ShapeError(
            "an autoencoder gives each image one code without a spread, so there is no law to draw variations from."
        )
    same = posterior.rows(np.zeros(count, dtype=np.int64))
    return same.sample(np.random.default_rng(seed), temperature)


def posterior_of_decode(run: OpenRun, latent: Latents) -> Posterior:
    """What the encoder says of the decode of a latent (1, d)."""
    return run.coder.encode(np.clip(run.coder.decode(latent), 0, 1).astype(np.float32))


def python_lines(run: OpenRun, latent: Latents, place: str | None) -> str:
    """Lines of Python that decode a latent (1, d) to the very pixels on show, and write them to a file.

    Args:
        run: The model.
        latent: The latent.
        place: The run's folder; None for a model held in memory.
    """
    numbers = ", ".join(np.format_float_positional(value, trim="-") for value in latent[0])
    if place is None:
        lines = [
            "import numpy as np",
            "from explorer.images import to_picture",
            "",
            f"latent = np.array([[{numbers}]], dtype=np.float32)",
            f"image = coder.decode(latent)[0]  # {run.image_shape}, in [0, 1]; coder is the model given to launch()",
        ]
    else:
        lines = [
            "from explorer import load_run",
            "from explorer.images import to_picture",
            "",
            f"run = load_run({place!r})",
            f"image = run.coder.decode([[{numbers}]])[0]  # {run.image_shape}, in [0, 1]",
        ]
    return "\n".join([*lines, f"to_picture(image).save({f'{run.name}.png'!r})"]) + "\n"


# --- addresses --------------------------------------------------------------------------------------------------------


def routes(runs: RunRoutes) -> Sequence[TabRoute]:
    """What the tab asks of a run beside decodes."""

    async def contrasts(request: Request) -> Response:
        """What directions between two groups there may be."""
        card = await runs.card(request)
        found = await runs.opening.run(lambda: counts(runs.library.open(card.name)))
        return JSONResponse(found, headers=PRIVATE)

    async def direction(request: Request) -> Response:
        """One direction, found as asked for, with its reliability."""
        query = request.query_params
        kind, name, without = query.get("kind", ""), query.get("name", ""), query.get("without") or None
        method = query.get("method", "means")
        if method not in METHODS:
            raise ShapeError(f"method must be one of {', '.join(METHODS)}.")
        if max(len(name), len(without or "")) > LONGEST_NAME:
            raise ShapeError(f"a name has at most {LONGEST_NAME} characters.")
        card = await runs.card(request)

        def work() -> Contrast:
            return found_direction(runs.library.open(card.name), kind, name, cast(Method, method), without)

        found = await runs.opening.run(work)
        numbers = {
            "members": found.members,
            "others": found.others,
            "reliability": found.reliability,
            "separation": found.separation,
        }
        return JSONResponse({"direction": direction_json(found.direction), **numbers}, headers=PRIVATE)

    async def around_image(request: Request) -> Response:
        """Draws from the posterior of one image of the evaluation split, float32 (n, d)."""
        number = number_of(request, "number")
        count, temperature, seed = _draws(request)
        card = await runs.card(request)
        run = await runs.open_with(card, number)

        def work() -> Latents:
            return variations(run.posterior(number), count, temperature, seed)

        return array_response(await runs.decoding.run(work), "<f4", PRIVATE)

    async def around_latent(request: Request) -> Response:
        """Draws from the posterior that the encoder gives the decode of a latent, float32 (n, d)."""
        count, temperature, seed = _draws(request)
        card = await runs.card(request)
        latent = await latents_of(request, card.latent_dim, 1)

        def work() -> Latents:
            run = runs.library.open(card.name)
            return variations(posterior_of_decode(run, latent), count, temperature, seed)

        return array_response(await runs.decoding.run(work), "<f4", PRIVATE)

    async def beside(request: Request) -> Response:
        """The latent (1, d) at which the twin's encoder puts the decode of a latent, float32."""
        card = await runs.card(request)
        latent = await latents_of(request, card.latent_dim, 1)

        def work() -> Latents:
            run = runs.library.open(card.name)
            name = runs.library.twin(card.name)
            if name is None:
                raise NotFoundError(f"{card.name} has no twin.")
            shown = np.clip(run.coder.decode(latent), 0, 1).astype(np.float32)
            return runs.library.open(name).coder.encode(shown).mean

        return array_response(await runs.decoding.run(work), "<f4", PRIVATE)

    async def python(request: Request) -> Response:
        """Lines of Python that make the picture of a latent."""
        card = await runs.card(request)
        latent = await latents_of(request, card.latent_dim, 1)
        run = await runs.decoding.run(lambda: runs.library.open(card.name))
        return JSONResponse({"python": python_lines(run, latent, runs.place_of(run))}, headers=PRIVATE)

    return [
        ("GET", "/contrasts", contrasts),
        ("GET", "/direction", direction),
        ("GET", "/variations/{number}", around_image),
        ("POST", "/variations", around_latent),
        ("POST", "/beside", beside),
        ("POST", "/python", python),
    ]


def _draws(request: Request) -> tuple[int, float, int]:
    """How many draws an address asks for, how hot they are, and by which seed.

    Raises:
        ShapeError: One of them is no number, or out of range.
    """
    text = request.query_params.get("temperature", "1")
    try:
        temperature = float(text) if len(text) <= 20 and text.isascii() else math.nan
    except ValueError:
        temperature = math.nan
    if not 0 <= temperature <= MOST_TEMPERATURE:
        raise ShapeError(f"temperature must be a number from 0 to {MOST_TEMPERATURE:g}.")
    return whole(request, "n", 1, MOST_VARIATIONS, 9), temperature, whole(request, "seed", 0, MOST_SEED, 0)
