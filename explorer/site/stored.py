"""What a page without a server stores of a run: the answers of the server's own addresses, as files."""

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np

from explorer.analysis.laws import LAWS
from explorer.checkpoint import StoredLatents
from explorer.program import PARTS

if TYPE_CHECKING:
    from explorer.ui.answers import Answer, Answers

THEMES = ("light", "dark")

LEAST_PART = 12
"""Values of a list, or characters of a text, that are worth a name."""

SMALL_GAIN = 0.97
"""A file is zipped where that leaves less than this share of it."""


@dataclass
class Store:
    """Files by a hash of their content, and which question each answers.

    Attributes:
        files: By name.
        index: By question as `key_of` spells it: the name of its `file`, whether it is `zipped`, `shape` of pixels, and
            whether the file is `packed`, a JSON object of answers by question.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    index: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, body: bytes) -> dict[str, Any]:
        """Keep a file; where it is, as an entry of the index."""
        zipped = gzip.compress(body, 9, mtime=0)
        shorter = len(zipped) < SMALL_GAIN * len(body)
        kept = zipped if shorter else body
        name = hashlib.sha256(kept).hexdigest()[:24]
        self.files[name] = kept
        return {"file": name, "zipped": shorter}

    def keep(self, key: str, answer: "Answer") -> None:
        """Keep an answer."""
        shape = answer.headers.get("x-shape")
        self.index[key] = self.put(answer.body) | ({"shape": shape} if shape else {})


def key_of(path: str, query: Mapping[str, str]) -> str:
    """A question as `static/source/folder.js` spells it: its path below the API, and its query in order."""
    said = sorted((key, value) for key, value in query.items() if key != "v")
    return f"{path} {json.dumps(said, separators=(',', ':'), ensure_ascii=False)}"


def question_of(address: str) -> tuple[str, dict[str, str]]:
    """Path below the API and query of an address that an answer names."""
    parts = urlsplit(address)
    return unquote(parts.path.removeprefix("explorer/api/")), dict(parse_qsl(parts.query))


def keep_run(
    answers: "Answers",
    store: Store,
    line: Mapping[str, Any],
    leads: Sequence[str],
    with_images: bool,
    *,
    with_epochs: bool = True,
) -> None:
    """Keep what a page asks of a run.

    Args:
        answers: Where to ask.
        store: Where to keep it.
        line: The run's line in the list of runs.
        leads: The runs whose slices it is shown by, as `leads_of` finds them.
        with_images: Whether pictures of its data set may be kept.
        with_epochs: Whether the codes after each epoch of its fit are kept.
    """
    run = f"run/{line['name']}"
    card = json.loads(answers.ask(run).body)
    if not with_images:
        card |= {"images_trouble": "This page holds no pictures of the data set; every picture is a decode."}
    card |= {"can_download": False, "preparing": None, "formats": []} | ({} if with_epochs else {"epochs": []})
    store.index[key_of(run, {})] = store.put(to_json(card))

    def keep(path: str, query: Mapping[str, str] | None = None, body: bytes | None = None) -> Any:
        """Keep an answer where there is one, and tell what it says where that is JSON."""
        answer = answers.ask(path, query, body)
        if answer.status != 200:  # the page says that there is none, as a server does
            return None
        store.keep(key_of(path, query or {}), answer)
        return json.loads(answer.body) if answer.headers.get("content-type") == "application/json" else None

    for name, address in card["stored"].items():
        if name != "sprites":
            keep(*question_of(address))
    if card["has_images"] or card["image_shape"][0] > 1:  # grey pictures a page decodes in less time than they load
        for address in card["stored"]["sprites"]:
            keep(*question_of(address))
    keep(*question_of(line["portrait"]))
    for part in PARTS:
        told = keep(f"{run}/program/{part}")
        if told and told["name"]:
            keep(f"{run}/program/{part}/{told['name']}")
    for path in (
        "support",
        "story",
        "contrasts",
        "medoids",
        "map/index",
        "holes/layers",
        "holes/scores",
        "holes/misses",
    ):
        keep(f"{run}/{path}")
    opened = answers.library.open(line["name"])
    if card["latent_dim"] > 2 and opened.latents.log_variance is not None:
        store.index[key_of(f"{run}/drawn", {})] = store.put(drawn_codes(opened.latents))
    plane = "pca" if card["latent_dim"] > 2 else "0,1"
    for chosen in dict.fromkeys((plane, "pca")):
        for path in ("axes", "places", "spread"):
            keep(f"{run}/map/{path}", {"plane": chosen})
    if card["epochs"]:
        for path in ("kept", *(f"epoch/{epoch}" for epoch in card["epochs"])):
            keep(f"{run}/map/{path}")
    for colour in card["colours"]:
        if colour["is_group"]:
            keep(f"{run}/map/groups", {"colour": colour["name"]})
    for law in LAWS:
        keep(f"{run}/holes/samples", {"law": law, "seed": "0", "redraw": "0"})
        keep(f"{run}/holes/ladder", {"law": law})
    for lead in leads:
        laid = keep(f"{run}/holes/plane", {"lead": lead, "measured": "0"})
        for layer in json.loads(answers.ask(f"{run}/holes/layers").body)["layers"] if laid else []:
            if layer["name"] != "vacancy" and layer["reason"] is None:
                for law in LAWS if layer["has_law"] else ("",):
                    keep_layer(answers, store, run, {"lead": lead, "layer": layer["name"]}, law)
    told = keep(f"{run}/training")
    for sheet in (told or {}).get("sheets", []):
        keep(*question_of(sheet["url"]))
    blank = bytes(int(np.prod(card["image_shape"])))
    keep(f"{run}/look", {}, blank)
    ends = np.zeros((2, card["latent_dim"]), dtype="<f4")
    ends[1] = 1
    keep_figures(answers, store, line, card, told, ends.tobytes())


def drawn_codes(latents: StoredLatents) -> bytes:
    """The draw of every image by its offset from the mean, by which the page places dots on a slice.

    A 255th of the widest offset of a dimension is a thirtieth of a posterior's standard deviation or less, and a byte
    in the place of four.

    Returns:
        Of each dimension the least offset, (d,) float32, then the steps in which offsets are counted, (d,) float32,
        then whole steps, (N, d) bytes.
    """
    offsets = latents.draw.astype(np.float64) - latents.mean
    least, most = offsets.min(axis=0), offsets.max(axis=0)
    steps = np.maximum(most - least, 1e-30) / 255
    head = np.stack([least, steps]).astype("<f4")
    return head.tobytes() + np.round((offsets - least) / steps).astype(np.uint8).tobytes()


def keep_layer(answers: "Answers", store: Store, run: str, query: Mapping[str, str], law: str) -> None:
    """Keep a layer of the plane of Holes; one that asks about no law is the same for all."""
    answer = answers.ask(f"{run}/holes/layer", dict(query) | ({"law": law} if law else {}))
    if answer.status == 200:
        for each in [law] if law else LAWS:
            store.keep(key_of(f"{run}/holes/layer", dict(query) | {"law": each}), answer)


def keep_figures(
    answers: "Answers",
    store: Store,
    line: Mapping[str, Any],
    card: Mapping[str, Any],
    told: Any,
    ends: bytes,
) -> None:
    """Keep the curves of a run, all in one file: they repeat one another, and are looked at together.

    Args:
        answers: Where to ask.
        store: Where to keep them.
        line: The run's line in the list of runs.
        card: Its card.
        told: The story of its fit.
        ends: Two latents, between which the page learns what the figure of a walk is made of.
    """
    run, pack = f"run/{line['name']}", {}
    others: list[dict[str, str]] = [{}, *([{"with": line["twin"]}] if line["twin"] else [])]

    def take(name: str, query: Mapping[str, str], body: bytes | None = None) -> None:
        answer = answers.ask(f"{run}/figure/{name}", query, body)
        if answer.status == 200:
            pack[key_of(f"{run}/figure/{name}", query)] = json.loads(answer.body)

    parts = dict.fromkeys((told or {}).get("parts", []))
    if line["twin"]:  # beside an autoencoder stand the curves that its VAE alone has
        story = answers.ask(f"run/{line['twin']}/training")
        parts |= dict.fromkeys(json.loads(story.body).get("parts", []) if story.status == 200 else [])
    for theme in THEMES:
        take("p-values", {"theme": theme})
        take("loss-stack", {"theme": theme})
        for kind in ("linear", "spherical"):
            take("path", {"kind": kind, "overshoot": "0", "theme": theme, "means": ""}, ends)
        for beside in others:
            query = beside | {"theme": theme}
            for part in parts:
                for across in ({}, {"across": "share"}) if beside else ({},):
                    take("losses", {"part": part} | across | query)
            take("axis-bars", query)
            for of in ("rates", "deviations", "levels"):
                if told and told[f"has_{of}"]:
                    take("axis-lines", {"of": of} | query)
            for axis in range(card["latent_dim"]):
                take("axis-histogram", {"axis": str(axis)} | query)
            take("gradient", query)
    entry = store.put(to_json(Parts().pack(pack))) | {"packed": True}
    store.index |= dict.fromkeys(pack, entry)


class Parts:
    """Lists and texts that JSON values repeat, each once: the figures of both themes draw the same numbers."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.places: dict[str, int] = {}

    def pack(self, values: Any) -> list[Any]:
        """The parts, and the values with {"$": number of a part} in their places."""
        named = self._named(values)
        return [self.values, named]

    def _named(self, value: Any) -> Any:
        if isinstance(value, (list, str)) and len(value) > LEAST_PART:
            text = json.dumps(value)
            if text not in self.places:
                self.places[text] = len(self.values)
                self.values.append(value)
            return {"$": self.places[text]}
        if isinstance(value, list):
            return [self._named(each) for each in value]
        if isinstance(value, dict):
            return {key: self._named(each) for key, each in value.items()}
        return value


def leads_of(line: Mapping[str, Any], listed: Sequence[Mapping[str, Any]]) -> list[str]:
    """The runs whose slices a run is shown by: a pair is always cut as its VAE chooses, so that one cut is stored.

    Args:
        line: The run's line in the list of runs.
        listed: All lines.
    """
    others = [each["name"] for each in listed if each["side"] == "vae" and line["name"] == each["twin"]]
    return others if line["side"] == "ae" and others else [line["name"]]


def to_json(values: Any) -> bytes:
    """Values as a JSON text."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
