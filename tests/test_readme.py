"""The README: what a script makes of it is current, and nothing that users can ask for is missing there."""

import argparse
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from explorer import __main__ as explorer_command
from explorer.checkpoint import list_runs
from explorer.training import command as train_command
from explorer.ui.page import TABS
from tests.readme import model_cards
from tests.readme.__main__ import MADE_OF, PARTS, PICTURES, fingerprints, part_of, runs_of_pictures, with_part
from tests.test_architecture import project_files

SHIPPED = {"digits-ae-2", "digits-vae-2", "digits-denoising-8", "digits-hierarchical-8", "mnist-ae-2", "mnist-vae-2"}
SHIPPED |= {"celeba-ae-64", "celeba-vae-64", "flowers102-ae-32", "flowers102-vae-32"}
SHIPPED |= {
    f"{dataset}-{family}-{d}{beta}"
    for dataset, d in (("digits", 8), ("mnist", 16))
    for family, beta in (("ae", ""), *(("vae", beta) for beta in ("", "-beta0", "-beta0.1", "-beta0.3", "-beta4")))
}
"""Runs that come with the project."""

MOST_LINES = 200
"""Before the first folded part."""

MOST_BYTES = 1_500_000
"""Of all pictures together."""

REMAKE = "write it with: make readme"


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


# --- what is made by a script -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PARTS)
def test_a_generated_part_is_current(readme: str, name: str):
    assert part_of(readme, name).splitlines() == PARTS[name]().splitlines(), REMAKE


def test_parts_need_their_marks():
    with pytest.raises(ValueError, match="needs the lines"):
        with_part("# No marks", "models", "table")
    text = "a\n<!-- models -->\nold\n<!-- /models -->\nb\n"
    assert part_of(text, "models") == "old"
    assert with_part(text, "models", "new") == "a\n<!-- models -->\nnew\n<!-- /models -->\nb\n"


def test_the_pictures_show_the_runs_as_they_are_now():
    noted = json.loads(MADE_OF.read_text(encoding="utf-8"))
    assert noted == {name: fingerprints(runs) for name, runs in runs_of_pictures().items()}, REMAKE


def test_pictures_show_decodes_of_digits_alone():
    shown = {run.split("-")[0] for runs in runs_of_pictures().values() for run in runs}
    assert shown <= {"mnist", "digits"}


def test_pictures_are_there_in_both_themes_and_weigh_little():
    names = {f"{name}-{theme}.webp" for name in runs_of_pictures() for theme in ("light", "dark")}
    assert {path.name for path in PICTURES.iterdir()} == names | {MADE_OF.name}, REMAKE
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) <= MOST_BYTES
    for name in names:
        with Image.open(PICTURES / name) as picture:
            assert picture.width >= 800, name
            assert getattr(picture, "is_animated", False) == name.startswith("film"), name


# --- what must be there -----------------------------------------------------------------------------------------------


def test_what_stands_before_the_folded_parts_is_short(readme: str):
    lines = readme.split("<details ")[0].count("\n")
    assert lines <= MOST_LINES, f"{lines} lines; fold something away"
    assert readme.count("<details ") == readme.count("</details>")


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_is_explained_beside_its_picture(readme: str, tab: str):
    before = readme.split("<details ")[0]
    row = next((line for line in before.splitlines() if f"pictures/{tab}-light.webp" in line), "")
    assert f"pictures/{tab}-dark.webp" in row
    assert f"**{tab.capitalize()}. " in row


def test_every_run_is_in_the_readme(readme: str, root: Path):
    assert {run for run in list_runs(root / "checkpoints") if f"| `{run}` |" not in readme} == set()


def test_links_lead_somewhere(readme: str, root: Path):
    files = re.findall(r"\]\((?!https?:|#)([^)#]+)", readme) + re.findall(
        r"(?:src|srcset)=\"(?!https?:)([^\"]+)\"", readme
    )
    assert [link for link in files if not (root / link).exists()] == []
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```", "", readme, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    anchors |= set(re.findall(r"<details id=\"([^\"]+)\">", readme))
    assert set(re.findall(r"\]\(#([^)]+)\)", readme)) <= anchors


def test_every_make_target_is_in_the_readme(readme: str, root: Path):
    targets = set(re.findall(r"^#   make ([\w-]+)", (root / "Makefile").read_text(), re.MULTILINE))
    assert {"run", "test", "check", "bench", "runs", "readme", "clean"} <= targets
    assert {target for target in targets if f"make {target}`" not in readme} == set()


@pytest.mark.parametrize(
    ("parser", "heading"),
    [
        (train_command.command_line(None), "python-trainpy"),
        (explorer_command.parser(), "python--m-explorer-run"),
    ],
)
def test_every_flag_is_in_the_readme_and_no_other(readme: str, parser: argparse.ArgumentParser, heading: str):
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", parser.format_help())) - {"--help"}
    section = re.search(rf"^<details id=\"{heading}\">$(.*?)(?=^</details>)", readme, re.MULTILINE | re.DOTALL)
    assert section is not None
    rows = "\n".join(line for line in section[1].splitlines() if line.startswith("|"))
    assert flags == set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", rows))


def test_the_readme_documents_every_variable_of_the_environment(readme: str, root: Path):
    sources = [
        (root / path).read_text()
        for path in project_files(root)
        if path.startswith(("explorer/", "tests/")) and path.endswith(".py")
    ]
    read = {name for text in sources for name in re.findall(r"[\"$](EXPLORER_[A-Z]+)\b", text)}
    assert {"EXPLORER_DATA", "EXPLORER_CACHE"} <= read
    assert {name for name in read if f"| `{name}` |" not in readme} == set()


# --- model cards ------------------------------------------------------------------------------------------------------


def test_the_runs_that_come_with_the_project_are_there(root: Path):
    assert set(list_runs(root / "checkpoints")) >= SHIPPED


def test_a_model_card_has_a_row_per_run_and_dashes_where_a_family_has_no_score(twin_runs: Path):
    header, _, autoencoder, vae, blank, *holes = model_cards.cards(twin_runs).splitlines()
    assert not blank and [line.split("|")[1].strip() for line in holes[2:]] == ["`digits-ae-2`", "`digits-vae-2`"]
    columns = [cell.strip() for cell in header.strip("|").split("|")]
    rows = [
        dict(zip(columns, (c.strip() for c in line.strip("|").split("|")), strict=True)) for line in (autoencoder, vae)
    ]
    assert [row["run"] for row in rows] == ["`digits-ae-2`", "`digits-vae-2`"]
    assert rows[0]["−ELBO"] == rows[0]["NLL at most (K)"] == "–"
    assert re.fullmatch(r"\d+\.\d ± \d+\.\d", rows[1]["−ELBO"])
    assert float(rows[1]["NLL at most (K)"].split()[0]) <= float(rows[1]["−ELBO"].split()[0])
