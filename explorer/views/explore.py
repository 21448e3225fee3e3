"""Explore: directions between groups of images, draws around an image, the twin's answer, and lines of Python."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.directions import FEWEST, Contrast, Method, contrast
from explorer.arrays import UNKNOWN, Latents, Posterior
from explorer.errors import NotFoundError, ShapeError
from explorer.library import Library, OpenRun
from explorer.views.runs import twin_name


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
        name: Name of the class or attribute.
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


def beside(library: Library, run: OpenRun, latent: Latents) -> Latents:
    """The latent (1, d) at which the twin's encoder puts the decode of a latent (1, d).

    Raises:
        NotFoundError: The run has no twin.
    """
    name = twin_name(library, run)
    if name is None:
        raise NotFoundError(f"{run.name} has no twin.")
    shown = np.clip(run.coder.decode(latent), 0, 1).astype(np.float32)
    return library.open(name).coder.encode(shown).mean


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
            "# coder = explorer.as_coder(model, images), of what was handed to launch()",
            f"image = coder.decode(latent)[0]  # {run.image_shape}, in [0, 1]",
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
