"""What is to be said of an inspection, as a plain dictionary: what `--json` prints."""

import numpy as np

from convlet.inspection import Inspection
from convlet.inspection.findings import Case, Finding
from convlet.report.facts.network import Facts
from convlet.report.numbers import count, shape

FORMS = 3  # of files that are named


def inspection_json(inspection: Inspection) -> Facts:
    """What is in a data set, class by class, and every finding with all of its cases, the worst first."""
    data, row = inspection.data, inspection.row
    return {
        "data": data.name,
        "images": len(row),
        "image_shape": list(data.image_shape),
        "parts": {name: len(part) for name, part in data.parts.items()},
        "classes": class_facts(inspection),
        "files": file_facts(inspection),
        "notes": list(data.collected.notes) if data.collected else [],
        "accuracy_of_small_networks": inspection.accuracy,
        "shortcuts": [
            {"property": each.what, "accuracy": each.accuracy, "chance": each.chance} for each in inspection.shortcuts
        ],
        "findings": [finding_facts(inspection, finding) for finding in inspection.findings],
    }


def class_facts(inspection: Inspection) -> list[Facts]:
    """Each class: its images in each part, in all, and their share of all images."""
    data, images = inspection.data, len(inspection.row)
    counts = {name: np.bincount(part.labels, minlength=len(data.classes)) for name, part in data.parts.items()}
    return [
        {
            "class": name,
            **{part: int(count[label]) for part, count in counts.items()},
            "images": (own := sum(int(count[label]) for count in counts.values())),
            "share": own / images,
        }
        for label, name in enumerate(data.classes)
    ]


def file_facts(inspection: Inspection) -> Facts | None:
    """How large a collection's files are, and of which forms; None of what was no collection."""
    found = inspection.headers
    if found is None or not (there := found.heights > 0).any():
        return None
    heights, widths = found.heights[there], found.widths[there]
    order = np.argsort(heights * widths, kind="stable")
    small, middle, large = (int(order[place]) for place in (0, len(order) // 2, -1))
    counts = np.bincount(found.form, minlength=len(found.forms))
    return {
        "smallest": [int(heights[small]), int(widths[small])],
        "median": [int(heights[middle]), int(widths[middle])],
        "largest": [int(heights[large]), int(widths[large])],
        "forms": {form: int(number) for form, number in zip(found.forms, counts, strict=True)},
        "bytes": int(found.sizes.sum()),
    }


def between(files: Facts) -> str:
    """Of which size files are, or from which to which."""
    smallest, largest = (shape(files[name]) for name in ("smallest", "largest"))
    return smallest if smallest == largest else f"{smallest} to {largest}"


def of_forms(files: Facts) -> str:
    """How many files are of each form, the commonest first, and how many of all others."""
    forms = list(files["forms"].items())
    if len(forms) == 1:
        return str(forms[0][0])
    more = sum(number for _, number in forms[FORMS:])
    said = [f"{count(number)} {form}" for form, number in forms[:FORMS]]
    return "; ".join([*said, f"{count(more)} of other forms"] if more else said)


def finding_facts(inspection: Inspection, finding: Finding) -> Facts:
    """A finding with all of its cases."""
    return {
        "kind": finding.kind,
        "gravity": finding.gravity,
        "title": finding.title,
        "advice": finding.advice,
        "cases": [_case_facts(inspection, case) for case in finding.cases],
    }


def _case_facts(inspection: Inspection, case: Case) -> Facts:
    images = []
    for image in case.images:
        place = inspection.place(image)
        path = {} if place.path is None else {"path": place.path}
        images.append({"part": place.part, "index": place.index, "label": place.label, **path})
    return {"images": images, "remark": case.remark}
