"""The page of an inspection: what to do first, each finding with its images, then every class on a contact sheet."""

import math
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from convlet.environment import environment
from convlet.inspection import Inspection
from convlet.inspection.findings import LOOK, MEND, Case, Finding
from convlet.inspection.views import Array
from convlet.report.facts.inspection import between, class_facts, file_facts, of_forms
from convlet.report.html.elements import Child, Html, element, joined
from convlet.report.html.frame import name_of, page, paragraph, path_of, section, table
from convlet.report.html.pictures import Album
from convlet.report.numbers import count, label, percent, shape, size
from convlet.runs.files import write_file

BUDGET = 3_000_000  # bytes of all pictures: a page can be sent by mail
AT_ONCE, MORE = 12, 36  # cases of a finding that are shown, and that open below them
LISTED = 100  # cases without a picture
IN_A_CASE = 4  # images
COLUMNS, ROWS, TILE, GAP = 12, 4, 48, 2  # of a contact sheet: images, and pixels
GROUND = 128  # of it, a grey that is neither the light page's nor the dark one's
IN_A_NOTEBOOK = 8  # cases of a finding
SHEETS = 60  # classes


def write(inspection: Inspection, file: str | Path) -> Path:
    """Write the page into a file. Raises StorageError where that cannot be."""
    path = Path(file)
    write_file(path, inspection_page(inspection).encode("utf-8", "replace"))
    return path


def inspection_page(inspection: Inspection) -> str:
    """The page, one file without a script."""
    album = Album(BUDGET, largest=COLUMNS * (TILE + GAP))
    data = inspection.data
    findings = [finding_card(inspection, finding, album) for finding in inspection.findings]
    parts = [
        section("findings", "What is wrong with it, the worst first", *findings) if findings else None,
        section("classes", "Class by class", _classes(inspection), _sheets(inspection, album)),
        _ways(inspection),
    ]
    made = environment()["packages"].get("convlet", "")
    foot = paragraph(f"convlet {made} · ", element("code", f"convlet inspect {shlex.quote(_source(inspection))}"))
    return page(
        f"{label(data.name, 60)}: what is in it, and what is wrong with it", _head(inspection), *parts, foot=foot
    )


def _source(inspection: Inspection) -> str:
    """What it was called, without the folders that it is in: they have users' names."""
    return Path(inspection.data.source).name if inspection.data.collected else inspection.data.name


def _head(inspection: Inspection) -> Html:
    mend, look = (len(inspection.of(gravity)) for gravity in (MEND, LOOK))
    large, words = (mend, "to mend") if mend or not look else (look, "to look at")
    said = "Nothing was found that is wrong with it." if not (mend or look) else None
    rest = f"and {count(look)} to look at" if mend and look else None
    verdict = element("div", element("p", count(large), element("small", f" {words}"), class_="large"))
    words_below = element("p", said or rest, class_="quiet") if said or rest else None
    return element(
        "div",
        element("div", verdict, words_below),
        element("dl", *_facts(inspection), class_="facts"),
        class_="verdict",
    )


def _facts(inspection: Inspection) -> Iterator[Html]:
    data, files, accuracy = inspection.data, file_facts(inspection), inspection.accuracy
    parts = ", ".join(f"{count(len(part))} {name}" for name, part in data.parts.items())
    rows = [("images", f"{count(len(inspection.row))}: {parts}"), ("classes", count(len(data.classes)))]
    rows.append(("shape", f"{shape(data.image_shape)}, as a network takes them"))
    if files is not None:
        rows.append(("files", f"{size(files['bytes'])}, {between(files)}; {of_forms(files)}"))
    if accuracy is not None:
        rows.append(("small networks", f"tell {percent(accuracy)} of the images right that they were not trained on"))
    for name, text in rows:
        yield element("dt", name)
        yield element("dd", text)


def finding_card(
    inspection: Inspection, finding: Finding, album: Album, *, at_once: int = AT_ONCE, more: int = MORE
) -> Html:
    """A finding, what to do, and its cases: so many `at_once`, and `more` that open below them."""
    shown, hidden = finding.cases[:at_once], finding.cases[at_once : at_once + more]
    cases = [_cases(inspection, shown, album)] if shown else []
    if hidden:
        left = len(finding.cases) - at_once - len(hidden)
        rest = f" of {count(len(finding.cases) - at_once)}" if left else ""
        cases.append(
            element(
                "details", element("summary", f"{count(len(hidden))} more{rest}"), _cases(inspection, hidden, album)
            )
        )
    heading = element("h3", element("span", f"{finding.gravity} ", class_="quiet"), finding.title)
    calm = "" if finding.gravity == MEND else " calm"
    return element("article", heading, paragraph(finding.advice), *cases, class_=f"card{calm}")


def _cases(inspection: Inspection, cases: Sequence[Case], album: Album) -> Html:
    """Cases as pictures: pairs and groups side by side, single images as thumbnails; without any, as a list."""
    if not cases[0].images:
        return element("ul", *(element("li", name_of(case.remark)) for case in cases[:LISTED]))
    several = any(len(case.images) > 1 for case in cases)
    return element("div", *(_case(inspection, case, album) for case in cases), class_="pairs" if several else "thumbs")


def _case(inspection: Inspection, case: Case, album: Album) -> Html:
    shown = list(case.images[:IN_A_CASE])
    pixels = inspection.row.images(np.array(shown)).astype(np.float32) / 255
    pictures = [album.picture(each, inspection.place(image).name) for each, image in zip(pixels, shown, strict=True)]
    names: list[Child] = []
    between = " " if len(case.images) > 1 else element("br")
    for image in shown:
        place = inspection.place(image)
        names.append(joined(path_of(place.name), between, element("b", name_of(label(place.label))), element("br")))
    if (left := len(case.images) - len(shown)) > 0:
        names.append(joined(f"and {count(left)} more", element("br")))
    body = element("div", *pictures, class_="two") if len(case.images) > 1 else joined(*pictures)
    return element("figure", body, element("figcaption", *names, case.remark))


def _classes(inspection: Inspection) -> Html:
    rows, parts = class_facts(inspection), list(inspection.data.parts)
    most = max(row["share"] for row in rows)
    head = ("class", *parts, "of all")
    cells: list[tuple[Child, ...]] = [
        (name_of(label(row["class"])), *(count(row[part]) for part in parts), _bar(row["share"], most)) for row in rows
    ]
    return table(head, cells, tuple(range(1, len(parts) + 1)))


def _bar(share: float, most: float) -> Html:
    bar = element("i", style=f"width:{100 * share / most:.1f}%")
    return joined(element("span", bar, class_="track"), percent(share))


def _sheets(inspection: Inspection, album: Album) -> Html:
    return element("div", *_figures(inspection, album), class_="sheets")


def _figures(inspection: Inspection, album: Album) -> Iterator[Html]:
    names, labels = inspection.data.classes, inspection.row.labels
    for number, name in list(enumerate(names))[:SHEETS]:
        places = np.flatnonzero(labels == number)
        if not len(places):
            continue
        chosen = places[np.unique(np.linspace(0, len(places) - 1, min(len(places), COLUMNS * ROWS)).astype(np.int64))]
        picture = album.drawn(contact_sheet(inspection.row.images(chosen)), f"{len(chosen)} images of {label(name)}")
        words = f"{count(len(chosen))} of {count(len(places))}"
        yield element("figure", picture, element("figcaption", element("b", name_of(label(name))), f" {words}"))


def contact_sheet(images: Array) -> Image.Image:
    """Images (n, H, W, C), uint8, in rows on one picture, each as large as fits into a tile."""
    _, H, W, C = images.shape
    scale = min(TILE / max(H, W), 1)
    height, width = max(round(H * scale), 1), max(round(W * scale), 1)
    across = min(COLUMNS, len(images))
    size_of_all = across * (width + GAP) - GAP, math.ceil(len(images) / across) * (height + GAP) - GAP
    sheet = Image.new("RGB" if C >= 3 else "L", size_of_all, (GROUND,) * 3 if C >= 3 else GROUND)
    for i, image in enumerate(images):
        tile = Image.fromarray(image[..., :3] if C >= 3 else image[..., 0])
        tile = tile.resize((width, height), Image.Resampling.LANCZOS) if scale < 1 else tile
        sheet.paste(tile, (i % across * (width + GAP), i // across * (height + GAP)))
    return sheet


def _ways(inspection: Inspection) -> Html | None:
    if not inspection.shortcuts:
        return None
    bars = [
        element(
            "div",
            element("span", each.what),
            element("span", element("i", style=f"width:{100 * each.accuracy:.1f}%"), class_="track"),
            element("span", percent(each.accuracy), class_="share"),
        )
        for each in inspection.shortcuts
    ]
    chance = percent(inspection.shortcuts[0].chance)
    remark = f"The mean share of each class that is told right by one property alone; by guessing it is {chance}."
    return section(
        "shortcuts", "How far one property tells the classes apart", element("div", *bars, class_="bars"), remark=remark
    )


def in_a_notebook(inspection: Inspection) -> str:
    """What a notebook shows of it: the findings, with their first images."""
    album = Album(BUDGET // 10)
    heading = element(
        "p", element("b", name_of(label(inspection.data.name, 60))), f": {count(len(inspection.row))} images"
    )
    return element("div", heading, *(_in_a_row(inspection, finding, album) for finding in inspection.findings))


def _in_a_row(inspection: Inspection, finding: Finding, album: Album) -> Html:
    images = np.array(finding.images[:IN_A_NOTEBOOK], np.int64)
    pixels = inspection.row.images(images).astype(np.float32) / 255
    pictures = [
        album.picture(each, inspection.place(int(image)).name) for each, image in zip(pixels, images, strict=True)
    ]
    row = element("div", *pictures, style="display:flex;gap:4px;image-rendering:pixelated")
    return joined(element("p", element("b", finding.gravity), f" {finding.title}. {finding.advice}"), row)
