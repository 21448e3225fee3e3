"""Files of what is decoded: a strip of pictures, a contact sheet, a moving picture.

Every tab that shows pictures along a walk offers them; `static/page/export.js` has the buttons.
"""

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from explorer.errors import ShapeError
from explorer.images import animation, contact_sheet, encoded_picture, enlarged, tile, to_bytes
from explorer.ui.routes import PRIVATE, NotFoundError, RunRoutes, TabRoute, TooMuchError, latents_of, whole

KINDS: Mapping[str, tuple[str, str]] = {
    "png": ("png", "image/png"),
    "sheet": ("png", "image/png"),
    "gif": ("gif", "image/gif"),
    "webp": ("webp", "image/webp"),
}
"""Ending and media type of what can be made: `png` is bare tiles, `sheet` has words as well, the others move."""

MOST_TILES = 256
"""Latents of one file."""

MOST_SCALE = 32
"""Largest enlargement."""

MOST_STILL, MOST_MOVING = 16_000_000, 32_000_000
"""Pixels of one picture, and of all frames of a moving one."""

SHORTEST, LONGEST = 0.02, 5.0
"""Seconds that one frame is shown; browsers do not show shorter ones as such."""

MOST_TITLE, MOST_CAPTION = 200, 40
"""Characters of the head of a contact sheet, and below a tile."""

MOST_QUERY = 16_000
"""Characters of the query."""

TILE, FRAME = 128, 224
"""Pixels that a tile and a frame are wide, at most, where no enlargement is asked for."""

FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")

DECIMAL = re.compile(r"-?[0-9]{1,6}(\.[0-9]{0,9})?")


def routes(runs: RunRoutes) -> list[TabRoute]:
    """What the buttons of an export ask."""

    async def export(request: Request) -> Response:
        """Decodes of latents (n, d) as a file to keep."""
        card = await runs.card(request)
        kind = request.path_params["kind"]
        if kind not in KINDS:
            raise NotFoundError(f"an export is one of {', '.join(KINDS)}.")
        if len(request.url.query) > MOST_QUERY:
            raise TooMuchError(f"the query is longer than {MOST_QUERY:,} characters; leave the captions out.")
        latents = await latents_of(request, card.latent_dim, MOST_TILES)
        count = len(latents)
        square = int(count**0.5 + 0.999)
        columns = min(whole(request, "columns", 1, MOST_TILES, default=square if kind == "sheet" else count), count)
        scale = whole(request, "scale", 0, MOST_SCALE, default=0)
        seconds = decimal(request, "seconds", SHORTEST, LONGEST, default=0.1)
        boomerang = whole(request, "boomerang", 0, 1, default=0) == 1
        title = text_of(request.query_params.get("title", ""), "title", MOST_TITLE)
        captions = [text_of(text, "caption", MOST_CAPTION) for text in request.query_params.getlist("caption")]
        if len(captions) not in (0, count):
            raise ShapeError(f"there must be one caption for each of {count} pictures, or none, not {len(captions)}.")
        ending, media = KINDS[kind]
        name = request.query_params.get("name", kind)
        if not FILE_NAME.fullmatch(name):
            raise ShapeError("name must be letters, digits, '.', '_' and '-', 60 at most.")

        def work() -> bytes:
            run = runs.library.open(card.name)
            _, height, width = run.image_shape
            moves = kind in ("gif", "webp")
            times = scale or max(1, (FRAME if moves else TILE) // max(height, width))
            frames = 2 * count - 2 if boomerang and count > 1 else count
            places = frames if moves else columns * -(-count // columns)
            pixels, most = places * height * width * times**2, MOST_MOVING if moves else MOST_STILL
            if pixels > most:
                raise TooMuchError(
                    f"this file would have {pixels:,} pixels, but {most:,} is the most; choose a smaller scale or "
                    "fewer pictures."
                )
            images = to_bytes(run.coder.decode(latents))
            if kind == "gif" or kind == "webp":
                return animation(images, kind, times, seconds, boomerang)
            if kind == "sheet":
                head = f"{run.name} \N{MIDDLE DOT} {title}" if title else run.name
                return encoded_picture(contact_sheet(images, columns, times, head, captions))
            return encoded_picture(enlarged(tile(images, columns), times))

        made = await runs.opening.run(work)
        told = PRIVATE | {"content-disposition": f'attachment; filename="{card.name}-{name}.{ending}"'}
        return Response(made, media_type=media, headers=told)

    return [("POST", "/export/{kind}", export)]


def decimal(request: Request, name: str, least: float, most: float, default: float) -> float:
    """A number of the address's query, written with digits and a point.

    Raises:
        ShapeError: It is none, or out of range.
    """
    text = request.query_params.get(name, str(default))
    if not (DECIMAL.fullmatch(text) and least <= float(text) <= most):
        raise ShapeError(f"{name} must be a number from {least:g} to {most:g}, written like {default:g}.")
    return float(text)


def text_of(text: str, name: str, most: int) -> str:
    """A short text for a picture.

    Raises:
        ShapeError: It is too long, or has characters that cannot be written.
    """
    if len(text) > most or not text.isprintable():
        raise ShapeError(f"a {name} must be at most {most} printable characters, but this one has {len(text)}.")
    return text
