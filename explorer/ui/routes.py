"""Pixels, points and scores over plain HTTP, for the browser's own code.

Everything here is checked again by the server, answered from memory where it can be, and computed in a worker thread
otherwise; errors are JSON {"error": "one sentence"}. Arrays travel as little-endian bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from explorer.analysis.counter import CounterGenerator
from explorer.analysis.encoding import FEW
from explorer.analysis.laws import LAWS, RAW
from explorer.arrays import Latents, Scores
from explorer.errors import NotFoundError, TooMuchError
from explorer.images import picture_type, to_bytes
from explorer.library import AMONG, Card, Library, OpenRun
from explorer.library.fitting import FitBench
from explorer.library.growing import growing_sheet
from explorer.ui.fitting import FitRoutes
from explorer.ui.hosts import HEALTH
from explorer.ui.http import (
    LONGEST_QUERY,
    MOST_LATENTS,
    MOST_SEED,
    PRIVATE,
    Endpoint,
    PiecewiseResponse,
    TabRoute,
    answering,
    array_response,
    finite,
    keeping,
    latents_of,
    number_of,
    pixels_response,
    unchanged,
)
from explorer.ui.lanes import Lane
from explorer.ui.page import FigureMaker, public_sentence, public_text
from explorer.ui.static_files import StaticFiles
from explorer.views.chooser import ListedRun, listed_runs, portrait
from explorer.views.colours import colours_of
from explorer.views.growing import growing
from explorer.views.query import choice, theme_of, whole
from explorer.views.runs import SHEET, describe_run, sprite_sheet

RoutesMaker: TypeAlias = "Callable[[RunRoutes], Sequence[TabRoute]]"
"""What a tab offers as `routes(runs)`: the addresses that only its own part of the page asks for."""

PAGE = "/page"
"""Address below a run of its page as a file, where one is offered (`explorer.ui.export`); its card names it."""


class RunRoutes:
    """What the browser asks of the runs.

    Args:
        library: The runs.
        figures: Figures by name, as the tabs offer them.
        offers: What makes further routes of runs, as the tabs offer them.
        public: Whether others than this machine's user may look: no answer then tells where its files are.
        bench: What begins fits for the person at the machine; None where nobody may.

    Attributes:
        looking: For a glance at a run's card, which every request begins with.
        decoding: For what is short, as the frames of a drag are.
        drawing: For many latents at once, so that they never hold up a drag.
        opening: For what may take seconds: files, sheets, figures.
        making: For files to keep, which take longest.
    """

    def __init__(
        self,
        library: Library,
        figures: Mapping[str, FigureMaker],
        offers: "Sequence[RoutesMaker]" = (),
        public: bool = True,
        bench: FitBench | None = None,
    ) -> None:
        self.library = library
        self.bench = bench
        self.public = public
        self.figures = figures
        self.looking = Lane(running=2, waiting=256)
        self.decoding = Lane(running=2, waiting=32)
        self.drawing = Lane(running=1)
        self.opening = Lane(running=2, waiting=48)
        self.making = Lane(running=1)
        self.offered = [route for offer in offers for route in offer(self)]

    def routes(self) -> list[BaseRoute]:
        """All addresses, with their methods."""
        run = "/explorer/api/run/{run}"
        table: list[tuple[str, str, Endpoint]] = [
            ("GET", "/explorer/api/runs", self.runs),
            ("GET", "/explorer/api/fits", self.fits),
            ("GET", "/explorer/api/fits/{run}/{epoch}", self.fit_sheet),
            *FitRoutes(self, self.bench).routes(),
            ("GET", run, self.run),
            ("POST", run + "/decode", self.decode),
            ("POST", run + "/describe", self.describe),
            ("GET", run + "/sample", self.sample),
            ("GET", run + "/pictures", self.pictures),
            ("GET", run + "/points", self.points),
            ("GET", run + "/labels", self.labels),
            ("GET", run + "/attributes", self.attributes),
            ("GET", run + "/scalar/{score}", self.scalar),
            ("GET", run + "/sprites/{sheet}", self.sprites),
            ("GET", run + "/portrait", self.portrait),
            ("GET", run + "/figure/{figure}", self.figure),
            *((method, run + path, endpoint) for method, path, endpoint in self.offered),
            ("GET", "/explorer/{rest:path}", self.nothing),
        ]
        return [Route(path, answering(endpoint), methods=[method]) for method, path, endpoint in table]

    async def nothing(self, request: Request) -> Response:
        """Every other address below explorer/."""
        raise NotFoundError("there is nothing here.")

    async def runs(self, request: Request) -> Response:
        """All runs; `error` says why one cannot be opened."""

        def listed() -> list[dict[str, object]]:
            return [with_portrait(entry) for entry in listed_runs(self.library)]

        return JSONResponse(await self.opening.run(listed), headers=PRIVATE)

    async def fits(self, request: Request) -> Response:
        """All runs that are being fitted now, asked again and again while they grow."""

        def look() -> list[dict[str, object]]:
            found = growing(self.library)
            for fit in found:
                epoch = fit["sheet"]
                url = f"explorer/api/fits/{quote(fit['name'])}/{epoch}"
                fit["sheet"] = None if epoch is None else {"epoch": epoch, "url": url}
            return found

        return JSONResponse(await self.looking.run(look), headers=PRIVATE)

    async def fit_sheet(self, request: Request) -> Response:
        """The decodes of a run that is being fitted after one epoch, as a picture."""
        epoch, name = number_of(request, "epoch"), request.path_params["run"]
        picture = await self.opening.run(lambda: growing_sheet(self.library.checkpoints, name, epoch))
        return Response(picture, media_type=picture_type(picture), headers=PRIVATE)

    async def run(self, request: Request) -> Response:
        """What a run is, and where its arrays are."""
        card = await self.card(request)

        def work() -> dict[str, object]:
            run = self.library.open(card.name)
            has_page = run.config is not None and any(path == PAGE for _, path, _ in self.offered)
            page = f"explorer/api/run/{run.name}{PAGE}" if has_page else None
            return with_addresses(run, describe_run(self.library, run)) | {"page": page}

        return JSONResponse(await self.opening.run(work), headers=PRIVATE)

    async def pictures(self, request: Request) -> Response:
        """How far the preparation of a run's pictures is, asked again and again while it goes on."""
        card = await self.card(request)

        def look() -> dict[str, object]:
            trouble = self.library.images_trouble(card.name)
            if trouble is None or trouble.share is None:
                return {"preparing": None, "sentence": None}
            return {"preparing": trouble.share, "sentence": public_text(trouble.sentence)}

        return JSONResponse(await self.opening.run(look), headers=PRIVATE)

    async def decode(self, request: Request) -> Response:
        """Images of latents, as bytes laid out (n, H, W, C)."""
        card = await self.card(request)
        latents = await latents_of(request, card.latent_dim, MOST_LATENTS)

        def work() -> NDArray[np.uint8]:
            return to_bytes(self.library.open(card.name).coder.decode(latents)).transpose(0, 2, 3, 1)

        lane = self.decoding if len(latents) <= FEW else self.drawing
        return pixels_response(await lane.run(work), PRIVATE)

    async def describe(self, request: Request) -> Response:
        """The numbers of the trust badge of one latent."""
        card = await self.card(request)
        latents = await latents_of(request, card.latent_dim, 1)
        among = choice(request.query_params, "among", AMONG, "draws")
        numbers = await self.decoding.run(lambda: self.library.open(card.name).trust(latents, among))
        return JSONResponse(finite(numbers), headers=PRIVATE)

    async def sample(self, request: Request) -> Response:
        """Latents drawn from one of the laws; the seed decides them, here and in the browser alike."""
        card = await self.card(request)
        query = request.query_params
        law = choice(query, "law", tuple(LAWS), RAW.name)
        count = whole(query, "n", 1, MOST_LATENTS, default=1)
        seed = whole(query, "seed", 0, MOST_SEED, default=0)

        def work() -> Latents:
            return self.library.open(card.name).sample(law, count, cast(np.random.Generator, CounterGenerator(seed)))

        return array_response(await self.decoding.run(work), "<f4", PRIVATE)

    async def points(self, request: Request) -> Response:
        """Posterior means of the evaluation split, float32 (N, d)."""
        return await self.stored(request, "<f4", lambda run: run.latents.mean)

    async def labels(self, request: Request) -> Response:
        """Labels of the evaluation split, int32 (N,)."""

        def labels(run: OpenRun) -> NDArray[np.int64]:
            if run.labels is None:
                raise NotFoundError(f"the images of {run.name} have no labels.")
            return run.labels

        return await self.stored(request, "<i4", labels)

    async def attributes(self, request: Request) -> Response:
        """Attributes of the evaluation split, uint8 (N, A): 1, 0, or 255 where nobody said."""

        def attributes(run: OpenRun) -> NDArray[np.uint8]:
            if run.attribute_names is None or run.latents.attribute is None:
                raise NotFoundError(f"the images of {run.name} have no attributes.")
            return run.latents.attribute

        return await self.stored(request, "|u1", attributes)

    async def scalar(self, request: Request) -> Response:
        """One score of every image of the evaluation split, float32 (N,)."""
        score = request.path_params["score"]

        def values(run: OpenRun) -> Scores:
            colours = colours_of(run)
            if score not in colours:
                raise NotFoundError(f"a score is one of {', '.join(colours)}.")
            return colours[score].values(run)

        return await self.stored(request, "<f4", values)

    async def sprites(self, request: Request) -> Response:
        """One sheet of thumbnails."""
        sheet = number_of(request, "sheet")
        card = await self.card(request)

        def prepare() -> tuple[OpenRun, bool]:
            run = self.library.open(card.name)
            if sheet * SHEET >= len(run):
                raise NotFoundError(f"{run.name} has {-(-len(run) // SHEET)} sheet(s) of thumbnails.")
            return run, run.images() is not None

        run, has_images = await self.opening.run(prepare)
        tag = f"{card.version}-{'images' if has_images else 'decodes'}"
        fresh = unchanged(request, tag)
        if fresh is not None:
            return fresh
        picture, kind = await self.opening.run(lambda: sprite_sheet(run, sheet, has_images))
        return PiecewiseResponse(picture, media_type=kind, headers=keeping(request, tag))

    async def portrait(self, request: Request) -> Response:
        """A few decodes of a run's own codes as one small picture, for whoever chooses among runs."""
        card = await self.card(request)
        fresh = unchanged(request, card.version)
        if fresh is not None:
            return fresh
        picture = await self.opening.run(lambda: portrait(self.library.open(card.name)))
        return Response(picture, media_type="image/png", headers=keeping(request, card.version))

    async def figure(self, request: Request) -> Response:
        """A plotly figure as JSON."""
        maker = self.figures.get(request.path_params["figure"])
        if maker is None:
            raise NotFoundError(f"a figure is one of {', '.join(sorted(self.figures))}.")
        if len(request.url.query) > LONGEST_QUERY:
            raise TooMuchError(f"the query is longer than {LONGEST_QUERY:,} characters.")
        query = dict(request.query_params)
        query["theme"] = theme_of(query)
        card = await self.card(request)
        figure = await self.opening.run(lambda: maker(self.library, card.name, query))
        return Response(figure, media_type="application/json", headers=PRIVATE)

    async def card(self, request: Request) -> Card:
        """What is known of the run that the address names.

        Raises:
            NotFoundError: There is no such run.
            CheckpointError: It is damaged.
        """
        name = request.path_params["run"]

        def find() -> Card:
            if not self.library.has(name):
                raise NotFoundError("there is no run of that name.")
            return self.library.card(name)

        return await self.looking.run(find)  # never behind a figure that takes seconds

    def place_of(self, run: OpenRun) -> str | None:
        """The folder of a run for lines of Python that somebody copies; None for a model held in memory.

        As the user named it; on a public page as a user of the program would have it, whatever it is here.
        """
        if self.library.checkpoints is None or run.config is None:
            return None
        return (Path("checkpoints") if self.public else self.library.checkpoints).joinpath(run.name).as_posix()

    async def open_with(self, card: Card, number: int) -> OpenRun:
        """A run that has an image of that number.

        Raises:
            NotFoundError: It has fewer.
        """
        run = await self.opening.run(lambda: self.library.open(card.name))
        if number >= len(run):
            raise NotFoundError(f"{run.name} has images 0 to {len(run) - 1}.")
        return run

    async def stored(self, request: Request, kind: str, get: Callable[[OpenRun], NDArray]) -> Response:
        """An array of a run, as bytes of `kind`, that stays the same as long as the run's files do."""
        card = await self.card(request)
        fresh = unchanged(request, card.version)
        if fresh is not None:
            return fresh
        array = await self.opening.run(lambda: get(self.library.open(card.name)))
        return array_response(array, kind, keeping(request, card.version))


def with_portrait(entry: ListedRun) -> dict[str, object]:
    """A line of `listed_runs` for visitors: its picture by an address with its version, its error as a sentence."""
    name, version, error = entry["name"], entry["version"], entry["error"]
    told: dict[str, object] = {key: value for key, value in entry.items() if key != "version"}
    told["portrait"] = None if version is None else f"explorer/api/run/{name}/portrait?v={version}"
    return told | {"error": None if error is None else public_sentence(error)}


def with_addresses(run: OpenRun, described: dict[str, Any]) -> dict[str, object]:
    """What `describe_run` found, for visitors: each array and sheet by its address, which names its version."""
    base, version = f"explorer/api/run/{run.name}", run.card.version
    colours = colours_of(run)
    places = {name: f"scalar/{name}" if name in colours else name for name in described["stored"]}
    stored: dict[str, object] = {name: f"{base}/{place}?v={version}" for name, place in places.items()}
    pictures = f"{version}-{'images' if described['has_images'] else 'decodes'}"
    sheets = range(-(-len(run) // described["sheet"]["size"]))
    stored["sprites"] = [f"{base}/sprites/{sheet}?v={pictures}" for sheet in sheets]
    trouble = described["images_trouble"]
    return described | {"images_trouble": None if trouble is None else public_text(trouble), "stored": stored}


async def healthy(request: Request) -> Response:  # noqa: ARG001 - every request is answered alike
    """The server lives: for proxies and supervisors."""
    return JSONResponse({"status": "ok"}, headers={"cache-control": "no-store"})


def served(
    library: Library,
    figures: Mapping[str, FigureMaker],
    static: StaticFiles,
    offers: Sequence[RoutesMaker] = (),
    public: bool = True,
    bench: FitBench | None = None,
) -> list[BaseRoute]:
    """All routes of our own, to be put before gradio's; the arguments are those of `RunRoutes`."""
    files = Route("/explorer/static/{tag}/{file:path}", static.get, methods=["GET"])
    health = Route(HEALTH, healthy, methods=["GET", "HEAD"])
    return [health, files, *RunRoutes(library, figures, offers, public, bench).routes()]
