"""How empty places are and what is drawn, told by the page as Python tells it: on shipped runs of every kind."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.analysis.counter import CounterGenerator
from explorer.analysis.holes import Plane, anchored_plane, axis_plane
from explorer.analysis.laws import LAWS
from explorer.library import AMONG, Library, OpenRun
from explorer.site.stored import drawn_codes
from explorer.ui.http import finite
from explorer.views.hole_map import hole_plane
from explorer.views.hole_samples import drawn_sheet
from explorer.views.hole_sheets import described_place
from explorer.views.interpolate import MEANS, path_figure, walk
from explorer.views.support import support
from tests.conftest import CI, ROOT
from tests.fakes import linear_coder

pytestmark = pytest.mark.skipif(shutil.which("node") is None and not CI, reason="the page's code is run by Node.js")

RUNS = ["mnist-vae-2", "mnist-ae-16", "celeba-vae-64", "digits-vae-8", "digits-vae-8-beta4"]
SIZE = 24


def asked(folder: Path, run: OpenRun, body: str, **values: object) -> Any:
    """What the page's code answers: `body` has the `support` of a run and `given`, and returns what JSON can say."""
    (folder / "support").write_bytes(support(run))
    (folder / "given.json").write_text(json.dumps(values))
    code = f"""
      import {{ readFileSync }} from "node:fs";
      import {{ Support }} from "./explorer/ui/static/latent/support.js";
      import {{ COMPUTED, measuredPlane }} from "./explorer/ui/static/source/computed.js";
      const support = new Support(new Uint8Array(readFileSync("{folder / "support"}")));
      const given = JSON.parse(readFileSync("{folder / "given.json"}", "utf8"));
      console.log(JSON.stringify(await (async () => {{ {body} }})()));
    """
    command = ["node", "--input-type=module", "--eval", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    """The array that JSON carries."""
    kind = {"f4": "<f4", "u1": "u1"}[packed["kind"]]
    return np.frombuffer(base64.b64decode(packed["bytes"]), dtype=kind).reshape(packed["shape"])


def planes_of(run: OpenRun) -> list[Plane]:
    """All there is at d = 2, else through three codes."""
    if run.latent_dim == 2:
        return [axis_plane(run.frame, run.latents.reference)]
    return [anchored_plane(run.frame, run.latents.mean[[0, 7, 11]])]


@pytest.mark.parametrize("name", RUNS)
def test_the_page_tells_what_python_tells(name, tmp_path):
    run = Library(ROOT / "checkpoints").open(name)
    rng = np.random.default_rng(3)
    latents = np.concatenate(
        [run.sample(law, 40, rng) for law in LAWS] + [run.latents.mean[:40], run.latents.draw[:40]]
    )
    plane = planes_of(run)[0]
    window = {"center": list(plane.center_u), "first": list(plane.first), "second": list(plane.second)}
    answer = asked(
        tmp_path,
        run,
        """
        const z = Float32Array.from(given.latents);
        const draws = Object.fromEntries(given.laws.map((law) => [law, Array.from(support.draws(law, 50, 12345))]));
        return { p: Array.from(support.pValues(z)), means: Array.from(support.pValues(z, "means")),
          trust: support.trust(z.slice(0, support.d)), draws,
          plane: Array.from(support.plane(given.window, given.size)), miss: support.miss(z, z.map((v) => v + 0.5)) };
        """,
        latents=latents.ravel().tolist(),
        laws=list(LAWS),
        window={**window, "extent": plane.extent},
        size=SIZE,
    )
    least = 1 / (len(run.latents.calibration) + 1)
    for told, among in zip(("p", "means"), AMONG, strict=True):
        wanted = run.vacancy_among(among).p_value(latents)
        np.testing.assert_allclose(answer[told], wanted, rtol=0, atol=1.01 * least)
        assert np.isclose(answer[told], wanted, rtol=0, atol=1e-12).mean() > 0.99, "a tie now and then may be rounded"
    is_point = run.latents.calibration_mean is None
    assert (answer["p"] == answer["means"]) == is_point, "an encoder without noise has one measure"
    a, b = plane.lattice(SIZE)
    on_plane = run.frame.whiten(plane.latents(run.frame, a, b))
    assert np.abs(on_plane - (plane.center_u + a[:, None] * plane.first + b[:, None] * plane.second)).max() < 1e-3
    wanted = run.vacancy.p_value(plane.latents(run.frame, a, b))
    off = np.abs(np.asarray(answer["plane"]) - wanted)
    assert off.max() <= 3 * least, "latents are float32 there, and places of the frame here"
    assert (off < 1e-12).mean() > 0.97
    for law in LAWS:
        drawn = run.sample(law, 50, CounterGenerator(12345))  # pyright: ignore[reportArgumentType] - as the routes do
        scale = np.abs(drawn).max()
        np.testing.assert_allclose(np.reshape(answer["draws"][law], drawn.shape), drawn, rtol=0, atol=2e-7 * scale)
    trust = {key: value for key, value in run.trust(latents[:1]).items() if key != "round_trip"}
    assert answer["trust"].keys() == trust.keys()
    for key, value in trust.items():
        assert answer["trust"][key] == pytest.approx(value, rel=1e-6, abs=1.01 / len(run.latents.reference)), key
    active = run.active_axes if run.active_axes.any() else np.ones(run.latent_dim, dtype=bool)
    assert answer["miss"] == pytest.approx(np.sqrt(((0.5 / run.white.deviations[active]) ** 2).mean()), rel=1e-5)


def test_few_codes_in_folds_and_null_directions_are_told_as_well(tmp_path):
    """A model of one's own whose third dimension says nothing, on few images."""
    library, coder = Library(None), linear_coder(latent_dim=3)
    coder.inverse[2] = 0  # so that codes do not vary along it
    images = np.random.default_rng(0).random((160, 1, 8, 8), dtype=np.float32)
    coder.log_variance = None
    run = library.hold("own", coder, images)
    assert run.frame.rank == 2
    assert run.vacancy.folds
    latents = np.random.default_rng(1).standard_normal((20, 3)).astype(np.float32)
    latents[:10, 2] = run.frame.mean[2]
    body = """return { p: Array.from(support.pValues(given.latents)),
      trusts: [0, 10].map((row) => support.trust(Float32Array.from(given.latents.slice(3 * row, 3 * row + 3)))),
      draws: Object.fromEntries(given.laws.map((law) => [law, Array.from(support.draws(law, 9, 3))])) };"""
    answer = asked(tmp_path, run, body, latents=latents.ravel().tolist(), laws=list(LAWS))
    wanted = run.vacancy.p_value(latents)
    np.testing.assert_allclose(answer["p"], wanted, atol=1e-12)
    assert (wanted[10:] == wanted.min()).all(), "off the span is in a hole"
    assert wanted[:10].max() > wanted.min()
    for told, row, off in zip(answer["trusts"], (0, 10), (False, True), strict=True):
        trust = run.trust(latents[row : row + 1])
        assert (told["off"], told["rank"]) == (trust["off"], trust["rank"]) == (off, 2)
    for law in LAWS:
        drawn = run.sample(law, 9, CounterGenerator(3))  # pyright: ignore[reportArgumentType] - as the routes do
        np.testing.assert_allclose(np.reshape(answer["draws"][law], drawn.shape), drawn, atol=1e-6)


@pytest.mark.parametrize("name", RUNS)
def test_a_plane_of_holes_is_as_empty_in_the_browser(name, tmp_path):
    library = Library(ROOT / "checkpoints")
    run = library.open(name)
    laid, told = hole_plane(library, name, {"measured": "0"}), hole_plane(library, name, {})
    assert {key: told[key] for key in laid} == laid
    body = """
      const { vacancy, holes, ...rest } = measuredPlane(support, given.laid);
      return { ...rest, vacancy: Array.from(vacancy.values), shape: vacancy.shape, holes: Array.from(holes.values) };
    """
    answer = asked(tmp_path, run, body, laid=laid)
    assert answer["shape"] == told["vacancy"]["shape"]
    wanted = 10 ** unpacked(told["vacancy"]).astype(float).ravel()
    off = np.abs(10 ** np.array(answer["vacancy"]) - wanted)
    assert off.max() <= 3.01 / (len(run.latents.calibration) + 1), "latents are float32 there, places of the frame here"
    assert (off < 1e-6).mean() > 0.95
    assert (np.array(answer["holes"]) == unpacked(told["holes"]).ravel()).mean() > 0.99
    for share in ("share", "weighted"):
        assert answer[share] == pytest.approx(told[share], abs=5e-3)


@pytest.mark.parametrize("redraw", [False, True])
@pytest.mark.parametrize("name", ["mnist-ae-16", "celeba-vae-64", "digits-ae-8"])
def test_a_sheet_of_samples_is_drawn_and_judged_alike(name, redraw, tmp_path):
    run = Library(ROOT / "checkpoints").open(name)
    for law in LAWS:
        wanted = drawn_sheet(run, law, 5, redraw)
        body = """return COMPUTED.samples(support, { query: { law: given.law, seed: 5, redraw: given.redraw } },
          { told: given.told });"""
        told = drawn_sheet(run, law, 0, False)
        answer = asked(tmp_path, run, body, law=law, redraw=int(redraw), told=told)
        assert answer.keys() == wanted.keys()
        least = 1 / (len(run.latents.calibration) + 1)
        assert answer["drawn"] == wanted["drawn"]
        assert abs(answer["in_holes"] - wanted["in_holes"]) <= 2, "a tie now and then may be rounded"
        np.testing.assert_allclose(answer["histogram"], wanted["histogram"], atol=3 / wanted["drawn"])
        if not redraw or answer["in_holes"] == wanted["in_holes"]:
            scale = np.abs(wanted["latents"]).max()
            np.testing.assert_allclose(answer["latents"], wanted["latents"], rtol=0, atol=3e-7 * scale)
            np.testing.assert_allclose(answer["p"], wanted["p"], atol=1.01 * least)
        for stored in ("law", "vacancy", "tell_apart", "coverage", "active_units"):
            assert answer[stored] == wanted[stored]


@pytest.mark.parametrize("name", ["mnist-vae-2", "digits-ae-8"])
def test_what_is_known_of_a_place_is_told_alike(name, tmp_path):
    run = Library(ROOT / "checkpoints").open(name)
    rng = np.random.default_rng(2)
    latents = np.concatenate([run.sample("raw", 12, rng), 9 * run.sample("raw", 4, rng), run.latents.mean[:8]])
    body = """const { d } = support;
      const part = (all, k) => Float32Array.from(all.slice(k * d, (k + 1) * d));
      const programs = (k) => ({ alone: false, roundTrip: () => part(given.back, k) });
      const also = async () => Float32Array.from(given.misses);
      const ask = (k, layer) => {
        const details = { body: part(given.latents, k), query: { layer } };
        return COMPUTED.holePlace(support, details, { programs: programs(k), also });
      };
      const told = await Promise.all(Array.from({ length: given.count }, (_, k) => ask(k, "cliff")));
      return { told, others: ["density", "class"].map((layer) => ask(0, layer)) };"""
    back = np.stack([run.coder.encode(run.coder.decode(each[None])).mean[0] for each in latents])
    misses = run.round_trip.calibration_scores.astype(np.float32)
    given = {"latents": latents, "back": back, "misses": misses}
    given = {key: each.ravel().tolist() for key, each in given.items()}
    answer = asked(tmp_path, run, body, **given, count=len(latents))
    assert answer["others"] == [None, None], "what a judge or a density says only Python knows"
    for latent, told in zip(latents, answer["told"], strict=True):
        wanted = finite(described_place(run, latent[None], "cliff", "white"))
        assert told.keys() == wanted.keys()
        for key, least in (("vacancy", len(run.latents.calibration)), ("round_trip", len(misses))):
            assert told[key] == pytest.approx(wanted.pop(key), abs=1.01 / (least + 1)), key
        for key, value in wanted.items():
            assert told[key] == (value if value is None else pytest.approx(value, rel=1e-5, abs=1e-6)), key


@pytest.mark.parametrize("name", ["mnist-vae-16", "digits-ae-8"])
def test_the_curves_of_a_walk_are_the_same_curves(name, tmp_path):
    run = Library(ROOT / "checkpoints").open(name)
    rng = np.random.default_rng(4)
    ends = rng.standard_normal((2, 2, run.latent_dim)).astype(np.float32)
    told = json.loads(path_figure(run, ends[0], 0.25, "spherical", "light"))
    for pair, means in [(ends[1], means) for means in MEANS] + [(np.stack([ends[1, 0], -ends[1, 0]]), "")]:
        wanted = json.loads(path_figure(run, pair, 0.25, "spherical", "light", means))
        body = """return COMPUTED.figureOf(support, { of: { name: "path" }, body: Float32Array.from(given.ends),
          query: { overshoot: 0.25, kind: "spherical", means: given.means, theme: "light" } }, { told: given.told });"""
        answer = asked(tmp_path, run, body, ends=pair.ravel().tolist(), means=means, told=told)
        for trace, like in zip(answer["data"], wanted["data"], strict=True):
            y = np.frombuffer(base64.b64decode(like["y"]["bdata"]), "<f4")
            step = 1.01 / (len(run.latents.calibration) + 1)
            np.testing.assert_allclose(trace["y"], y, rtol=1e-5, atol=step if trace["yaxis"] == "y2" else 1e-6)
            assert {k: v for k, v in trace.items() if k != "y"} == {k: v for k, v in like.items() if k != "y"}
        meta, like = answer["layout"].pop("meta"), wanted["layout"].pop("meta")
        assert meta.keys() == like.keys()
        for key in ("note", "shell"):
            assert meta.pop(key) == like.pop(key)
        for key, value in like.items():
            assert meta[key] == (value if value is None else pytest.approx(value, rel=1e-4, abs=0.02)), key
        for axis in ("yaxis", "yaxis2"):
            np.testing.assert_allclose(
                answer["layout"][axis].pop("range"), wanted["layout"][axis].pop("range"), rtol=1e-4
            )
        for drawn in (answer, wanted):
            drawn["layout"]["shapes"] = [{k: v for k, v in s.items() if k != "y0"} for s in drawn["layout"]["shapes"]]
        assert answer["layout"] == wanted["layout"]


@pytest.mark.parametrize("kind", ["linear", "spherical"])
def test_a_walk_is_the_same_walk(kind, tmp_path):
    run = Library(ROOT / "checkpoints").open("digits-vae-8")
    rng = np.random.default_rng(2)
    start, end = rng.standard_normal((2, 8)).astype(np.float32)
    walks = [([start, end], means) for means in MEANS]
    walks += [(ends, "") for ends in ([start, 2 * start], [start, -start], [np.zeros_like(start), end])]
    for ends, means in walks:
        wanted = walk(run, np.stack(ends), 9, 0.5, kind, means)
        answer = asked(
            tmp_path,
            run,
            f"""
            const body = Float32Array.from(given.ends);
            const programs = {{ takesAMoment: () => true, roundTrip: (run, latent) => latent }};
            const query = {{ kind: "{kind}", steps: 9, overshoot: 0.5, means: "{means}" }};
            return COMPUTED.walk(support, {{ body, query }}, {{ programs, run: "a", told: {{ place: "here" }} }});
            """,
            ends=np.stack(ends).ravel().tolist(),
        )
        assert (answer["kind"], answer["note"], answer["place"]) == (wanted["kind"], wanted["note"], "here")
        np.testing.assert_allclose(answer["positions"], wanted["positions"], atol=1e-9)
        np.testing.assert_allclose(answer["latents"], wanted["latents"], atol=1e-6)
        np.testing.assert_allclose(answer["norm"], wanted["norm"], rtol=1e-6)
        np.testing.assert_allclose(answer["vacancy"], wanted["vacancy"], atol=1.01 / 500)


@pytest.mark.parametrize("name", ["mnist-vae-16", "digits-vae-8", "flat"])
@pytest.mark.parametrize("query", [{"anchors": "3,14,27"}, {"directions": "pca:0,axes:1"}])
def test_the_page_cuts_other_slices_as_python_does(name, query, tmp_path):
    """Through images and along directions; `flat` has a null direction."""
    library = Library(ROOT / "checkpoints")
    if name == "flat":
        library, coder = Library(None), linear_coder(latent_dim=4)
        coder.inverse[3] = 0
        coder.log_variance = None
        library.hold(name, coder, np.random.default_rng(0).random((160, 1, 8, 8), dtype=np.float32))
    run = library.open(name)
    wanted = hole_plane(library, name, query | {"lead": name, "measured": "0"})
    latents = run.latents
    file = base64.b64encode(drawn_codes(latents)).decode() if latents.log_variance is not None else None
    kinds = [part.split(":") for part in query.get("directions", "").split(",") if part]
    told = asked(
        tmp_path,
        run,
        """
        const slices = await import("./explorer/ui/static/latent/slices.js");
        const points = Float32Array.from(given.points), { d } = support;
        const file = given.file && Uint8Array.from(atob(given.file), (letter) => letter.charCodeAt(0));
        const drawn = file ? slices.drawnFrom(file, points, d) : points;
        const flat = given.vectors.length ? slices.alongDirections(support, given.vectors, drawn)
          : slices.throughImages(support, Float32Array.from(given.codes));
        const whole = slices.laidSlice(support, { ...flat, extent: given.extent }, drawn);
        const { codes, nearness, window, ...laid } = whole;
        return { ...laid, codes: Array.from(codes.values), nearness: Array.from(nearness.values), reach: flat.extent,
          axes: [flat.first, flat.second].map((axis) => Array.from(axis)) };
        """,
        points=latents.mean.ravel().tolist(),
        codes=latents.mean[[3, 14, 27]].ravel().tolist(),
        vectors=[run.directions[kind][int(place)].vector.tolist() for kind, place in kinds],
        file=file,
        extent=wanted["extent"],
    )
    twin = library.twin(name)
    pair = [run, *([library.open(twin)] if twin is not None else [])]
    if "directions" in query:
        assert told["reach"] == pytest.approx(wanted["extent"], rel=0.01), "draws are stored in steps"
    else:
        reaches = [anchored_plane(each.frame, each.latents.mean[[3, 14, 27]]).extent for each in pair]
        assert told["reach"] == pytest.approx(reaches[0], rel=1e-5)
        assert wanted["extent"] == pytest.approx(max(reaches))
    np.testing.assert_allclose(told["axes"], [wanted["window"]["first"], wanted["window"]["second"]], atol=1e-5)
    for part in ("origin", "first", "second"):
        np.testing.assert_allclose(told["plane"][part], wanted["plane"][part], atol=2e-5, err_msg=part)
    np.testing.assert_allclose(told["usual"], wanted["usual"], rtol=1e-3, atol=1e-3)
    codes = np.reshape(told["codes"], (-1, 2)) - unpacked(wanted["codes"])
    assert np.abs(codes).max() < 0.05, "a dot lies within a hundredth of the window of its place"
    assert np.abs(np.subtract(told["nearness"], unpacked(wanted["nearness"]).astype(int))).max() < 6
