"""What the terminal shows of an inspection: what is in a data set, then what is wrong with it, the worst first."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from convlet.inspection import Inspection
from convlet.inspection.findings import Case, Finding
from convlet.report.facts.inspection import between, class_facts, file_facts, of_forms
from convlet.report.numbers import count, percent, shape, size, visible
from convlet.report.terminal.layout import apart, class_name, pairs, plain_table, titled
from convlet.report.terminal.printed import print_plain

CASES = 3  # of a finding that are shown
IN_A_CASE = 3  # images of a case that are named
CLASSES = 20  # rows; of more classes the largest and the smallest are shown
COLOURS = {"mend": "bold red", "look": "bold yellow", "know": "bold blue"}


def inspection_table(inspection: Inspection) -> RenderableType:
    """What is in the data set, class by class; the findings; how well single properties tell the classes."""
    blocks = [_overview(inspection), _classes(inspection), _findings(inspection)]
    return apart(*blocks, *([_ways(inspection)] if inspection.shortcuts else []))


def print_inspection(inspection: Inspection) -> None:
    """Print it on stdout."""
    print_plain(inspection_table(inspection))


def _overview(inspection: Inspection) -> RenderableType:
    data, files, accuracy = inspection.data, file_facts(inspection), inspection.accuracy
    parts = ", ".join(f"{count(len(part))} {name}" for name, part in data.parts.items())
    rows = [("images", count(len(inspection.row)), parts), ("classes", count(len(data.classes)), "")]
    rows.append(("shape", shape(data.image_shape), "height × width × channels, as a network takes them"))
    if files is not None:
        rows.append(("files", size(files["bytes"]), f"{between(files)}; {of_forms(files)}"))
    if accuracy is not None:
        rows.append(("small networks", percent(accuracy), "of the images they were not trained on are told right"))
    return pairs(*rows)


def _classes(inspection: Inspection) -> RenderableType:
    rows, parts = class_facts(inspection), list(inspection.data.parts)
    numbers = (*parts, *(["images"] if len(parts) > 1 else []), "share")
    table = plain_table("class", *numbers, right=numbers)
    shown = rows if len(rows) <= CLASSES else sorted(rows, key=lambda row: -row["images"])
    for i, row in enumerate(shown):
        if len(rows) > CLASSES and CLASSES // 2 <= i < len(rows) - CLASSES // 2:
            if i == CLASSES // 2:
                table.add_row(f"… {count(len(rows) - CLASSES)} more")
            continue
        cells = [count(row[name]) for name in numbers[:-1]] if len(parts) > 1 else [count(row[parts[0]])]
        table.add_row(class_name(row["class"]), *cells, percent(row["share"]))
    return table


def _findings(inspection: Inspection) -> RenderableType:
    if not inspection.findings:
        return Text("Nothing was found that is wrong with it.", "bold green")
    return apart(*[_finding(inspection, finding) for finding in inspection.findings])


def _finding(inspection: Inspection, finding: Finding) -> RenderableType:
    title = Text.assemble((finding.gravity, COLOURS[finding.gravity]), "  ", (visible(finding.title), "bold"))
    lines: list[RenderableType] = [Text(visible(finding.advice))]
    lines += [Text(_case(inspection, case), "dim", overflow="ellipsis") for case in finding.cases[:CASES]]
    if (more := len(finding.cases) - CASES) > 0:
        lines.append(Text(f"… and {count(more)} more", "dim"))
    return Group(title, Padding(Group(*lines), (0, 0, 0, 6)))


def _case(inspection: Inspection, case: Case) -> str:
    names = [_named(inspection, image) for image in case.images[:IN_A_CASE]]
    if (more := len(case.images) - IN_A_CASE) > 0:
        names.append(f"{count(more)} more")
    return visible(": ".join(filter(None, (" = ".join(names), case.remark))))


def _named(inspection: Inspection, image: int) -> str:
    place = inspection.place(image)
    return f"{place.name} ({place.label if place.path is None else f'{place.part}, {place.label}'})"


def _ways(inspection: Inspection) -> RenderableType:
    table = plain_table("property", "right", "by guessing", right=("right", "by guessing"))
    for each in inspection.shortcuts:
        table.add_row(each.what, percent(each.accuracy), percent(each.chance))
    return titled("How far one property alone tells the classes apart", table)
