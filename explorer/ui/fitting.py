"""Fit here over HTTP: what may be fitted, and begin, stop and resume; for the person at the machine alone."""

import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.errors import ConfigError
from explorer.library.fitting import FitBench
from explorer.library.wishes import FitError
from explorer.ui.http import PRIVATE, Endpoint, ForbiddenError, body_of
from explorer.ui.owner import is_asked_for, is_owner
from explorer.views.fitting import fit_form, fit_words

if TYPE_CHECKING:
    from explorer.ui.routes import RunRoutes

MOST_WISH = 4_000
"""Bytes of a wish."""

OTHERS = "fits are begun by the person at the machine alone: open the page there, or run train.py in a terminal."
"""What anybody else is told."""


class FitRoutes:
    """What the page asks of fits that it begins.

    Args:
        runs: The routes of the runs, whose lanes are shared.
        bench: Begins them; None where nobody may.
    """

    def __init__(self, runs: "RunRoutes", bench: FitBench | None) -> None:
        self.runs = runs
        self.bench = bench

    def routes(self) -> list[tuple[str, str, Endpoint]]:
        """All addresses, with their methods."""
        address = "/explorer/api/fit"
        return [
            ("GET", address, self.form),
            ("POST", address, self.start),
            ("POST", f"{address}/stop", self.stop),
            ("POST", f"{address}/resume", self.resume),
        ]

    async def form(self, request: Request) -> Response:
        """What may be asked for, and how far the fit is; `?part=fit` leaves the former out.

        To all but the owner it says no more than that fits are not theirs.
        """

        def work() -> dict[str, Any]:
            bench = self.bench if is_owner(request.scope) else None
            trouble = OTHERS if bench is None else bench.trouble()
            if bench is None or trouble is not None:
                return {"offered": False, "why": trouble, "fit": None}
            if request.query_params.get("part") == "fit":
                return {"offered": True, "fit": fit_words(bench.look())}
            return {"offered": True} | fit_form(self.runs.library, bench)

        return JSONResponse(await self.runs.opening.run(work), headers=PRIVATE)

    async def start(self, request: Request) -> Response:
        """Begin the fit that the body wishes for."""
        bench = await self.of_owner(request)
        wish = await _wish_of(request)

        def work() -> dict[str, Any] | None:
            self._check_at_hand(bench, wish)
            return fit_words(bench.start(wish))

        return JSONResponse(await self.runs.opening.run(work), headers=PRIVATE)

    async def stop(self, request: Request) -> Response:
        """Let the fit save its state and end."""
        bench = await self.of_owner(request)
        await self.runs.opening.run(bench.stop)
        return JSONResponse({}, headers=PRIVATE)

    async def resume(self, request: Request) -> Response:
        """Go on with the fit that was stopped."""
        bench = await self.of_owner(request)
        return JSONResponse(await self.runs.opening.run(lambda: fit_words(bench.resume())), headers=PRIVATE)

    async def of_owner(self, request: Request) -> FitBench:
        """What begins fits, for the person at the machine who pressed a button of the page.

        Raises:
            ForbiddenError: Somebody else asks.
        """
        bench = self.bench
        if bench is None or not is_asked_for(request.scope):
            raise ForbiddenError(OTHERS)
        if not await self.runs.opening.run(lambda: is_owner(request.scope)):
            raise ForbiddenError(OTHERS)
        return bench

    def _check_at_hand(self, bench: FitBench, wish: dict[str, Any]) -> None:
        """Refuse a data set that is not on this machine; nothing is fetched for a fit of the page.

        Raises:
            ExplorerError: A value is none, or the data set is not there.
        """
        data = bench.plan(wish).configs[0].data
        if data.folder is None and not self.runs.library.datasets.is_at_hand(data.dataset):
            raise FitError(
                f"the data set {data.dataset} is not on this machine; fetch it with: "
                f"python train.py --dataset {data.dataset}"
            )


async def _wish_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body of a request.

    Raises:
        ExplorerError: It has more than `MOST_WISH` bytes, or is no JSON object.
    """
    body = await body_of(request, MOST_WISH, "the wish", f"a wish has at most {MOST_WISH:,} bytes.")
    try:
        found = json.loads(body.decode())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConfigError("a wish must be one JSON object of settings by their names.")
    return found
