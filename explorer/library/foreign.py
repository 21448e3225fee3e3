"""Somebody's own models with their images as runs of a library, however they were handed over."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from explorer.errors import ShapeError
from explorer.library.held import FEWEST_IMAGES

if TYPE_CHECKING:
    from explorer.library.shelf import Library


def hold_models(
    library: "Library",
    model: Any,
    images: Any,
    labels: Any = None,
    *,
    attributes: Any = None,
    attribute_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    pixel_range: tuple[float, float] | None = None,
    image_size: tuple[int, int] | None = None,
) -> list[str]:
    """Keep models in memory as runs; two of them are twins.

    Args:
        library: Where they are kept.
        model: A model of a kind that `explorer.adapters` knows, a list of such, or such by their names.
        images: In a form that `explorer.adapters.read_images` knows.
        labels: As `read_images` takes them, as are all the following.
        attributes: (N, A), or columns by name.
        attribute_names: Names of the attributes.
        class_names: Names of the labels.
        pixel_range: Values of black and white that the models take and give; None to find out.
        image_size: (H, W) that pictures of a folder are brought to.

    Returns:
        What was found out about images and models, a sentence each.

    Raises:
        ExplorerError: Images, labels and models do not go together; the sentence says what to do.
    """
    from explorer.adapters import TRIED, adapted, named_models, read_images

    models = named_models(model)
    if not models:
        raise ShapeError("there is no model; hand over one, or several by their names.")
    shapes = {tuple(shape) for each in models.values() if (shape := getattr(each, "image_shape", None)) is not None}
    given = read_images(
        images,
        labels,
        attributes=attributes,
        attribute_names=attribute_names,
        class_names=class_names,
        image_shape=shapes.pop() if len(shapes) == 1 else None,
        pixel_range=pixel_range,
        side=image_size,
    )
    if len(given.pixels) < FEWEST_IMAGES:
        raise ShapeError(
            f"at least {FEWEST_IMAGES} images are needed to tell holes from data, not {len(given.pixels)}."
        )
    said, names = list(given.said), list(models)
    for name, each in models.items():
        some = given.some(TRIED, getattr(each, "levels", None))
        coder, found = adapted(each, some, pixel_range=pixel_range, came_in=given.came_in)
        said += found
        library.hold(
            name,
            coder,
            given.pixels,
            given.labels,
            class_names=given.class_names,
            attributes=given.attributes,
            attribute_names=given.attribute_names,
            twin=names[1 - names.index(name)] if len(names) == 2 else None,
        )
    return said
