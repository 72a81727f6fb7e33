"""`inspect`: faults that are put in are found, and a clean set raises no alarm."""

import faulty
import numpy as np
import pytest
from PIL import Image

import convlet as cl
from convlet.errors import DataError, InputError
from convlet.inspection import crossing

IMAGES, LABELS = faulty.shapes(60)
TEST = faulty.shapes(12, start=60)


SWAPPED = (5, 70, 130, 171)


@pytest.fixture(scope="module")
def judged():
    """A set with four swapped labels, judged by networks that were trained for a second."""
    labels = LABELS.copy()
    labels[list(SWAPPED)] = (labels[list(SWAPPED)] + 1) % 3
    return quickly(faulty.dataset(IMAGES, labels, TEST), 2000)


def quickly(data, seen, seed=0):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crossing, "SEEN", seen)
        return cl.inspect(data, engine="numpy", seed=seed)


def found(inspection):
    return {finding.kind: finding for finding in inspection.findings}


def untrained(images=IMAGES, labels=LABELS, test=TEST):
    return found(cl.inspect(faulty.dataset(images, labels, test), training=False))


def cases(finding):
    return [case.images for case in finding.cases]


def test_a_clean_set_raises_no_alarm():
    inspection = cl.inspect(faulty.dataset(IMAGES, LABELS, TEST), training=False)
    assert inspection.findings == () and inspection.accuracy is None


def test_labels_that_were_swapped_are_the_most_doubtful(judged):
    doubtful = found(judged)["doubtful labels"]
    assert set(SWAPPED) <= set(doubtful.images[:5]) and len(doubtful.images) <= 8
    assert doubtful.cases[doubtful.images.index(5)].remark.startswith("rather bar")
    assert set(found(judged)) <= {"doubtful labels", "unlike"}  # some images are always the farthest from the others
    assert 0.9 < judged.accuracy < 1


def test_networks_that_can_tell_nothing_judge_no_label():
    images = np.random.default_rng(0).integers(0, 256, (40, 12, 12), np.uint8)
    findings = found(quickly(faulty.cl.Dataset.from_arrays(images, [0, 1] * 20), 100))
    assert "doubtful labels" not in findings and findings["hard to tell"].gravity == "know"
    assert "cannot judge the labels" in findings["hard to tell"].title


def test_the_same_seed_finds_the_same_and_another_one_nearly():
    images, labels = faulty.shapes(8)
    first, second, other = (quickly(faulty.dataset(images, labels), 100, seed) for seed in (3, 3, 4))
    assert (first.crossed.probabilities == second.crossed.probabilities).all() and first.findings == second.findings
    assert (first.crossed.probabilities != other.crossed.probabilities).any()


def test_copies_in_two_parts_are_to_be_mended():
    images = TEST[0].copy()
    images[4] = IMAGES[7]
    finding = untrained(test=(images, TEST[1]))["copies between parts"]
    assert finding.gravity == "mend" and cases(finding) == [(7, 184)]


def test_copies_of_different_classes_are_to_be_mended():
    images = IMAGES.copy()
    images[100] = images[3]
    assert cases(untrained(images)["contradicting copies"]) == [(3, 100)]


def test_copies_in_one_part_are_counted_without_the_first():
    images = IMAGES.copy()
    images[10] = images[20] = images[3]
    finding = untrained(images)["copies"]
    assert cases(finding) == [(3, 10, 20)] and finding.title.startswith("2 images are copies")


def test_near_copies_are_told_by_where_they_are():
    images, test = IMAGES.copy(), TEST[0].copy()
    images[11], images[65] = faulty.moved(images[12], 1, 0), faulty.smaller(images[13])
    test[0] = faulty.saved_again(images[14])
    findings = untrained(images, test=(test, TEST[1]))
    kinds = ("near copies between parts", "contradicting near copies", "near copies")
    assert [cases(findings[kind]) for kind in kinds] == [[(14, 180)], [(13, 65)], [(11, 12)]]
    assert [findings[kind].gravity for kind in kinds] == ["mend", "look", "know"]


def test_flat_dark_and_blurred_images_are_found():
    images = IMAGES.copy()
    images[1], images[2], images[3] = 77, images[2] // 8, faulty.blurred(images[3])
    findings = untrained(images)
    assert findings["flat"].images == (1,) and findings["dark"].images == (2,) and findings["blurred"].images == (3,)


def test_a_class_that_is_lighter_than_the_others_is_a_shortcut():
    images = IMAGES.copy()
    images[LABELS == 1] = images[LABELS == 1] // 2
    images[LABELS == 2] = images[LABELS == 2] // 4
    finding = untrained(images, test=None)["shortcut"]
    assert "The brightness alone tells the classes apart" in finding.title and finding.gravity == "look"


def test_unbalanced_classes_and_classes_of_few_images_are_named():
    chosen = np.flatnonzero((LABELS > 0) | (np.arange(len(LABELS)) < 6))
    findings = untrained(IMAGES[chosen], LABELS[chosen], None)
    assert findings["unbalanced"].title == "disc has 60 images, bar 6"
    assert findings["few images"].title == "1 class has fewer than 20 images: bar"


def test_a_class_of_four_images_leaves_the_networks_out():
    chosen = np.flatnonzero((LABELS > 0) | (np.arange(len(LABELS)) < 4))
    assert cl.inspect(faulty.dataset(IMAGES[chosen], LABELS[chosen])).accuracy is None


def test_classes_that_are_called_by_numbers_keep_their_labels():
    names = np.array(["7", "3", "10"])[LABELS]
    inspection = quickly(cl.Dataset.from_arrays(IMAGES, names, classes=["7", "3", "10"]), 2000)
    assert inspection.accuracy > 0.9


def test_few_different_images_leave_the_networks_out_and_so_do_nearly_black_ones():
    copies = np.repeat(IMAGES[[0, 60, 120]], 6, axis=0)
    assert quickly(faulty.dataset(copies, np.repeat([0, 1, 2], 6)), 100).accuracy is None
    dark = IMAGES // 25
    dark[0, 0, 0] = 255
    assert quickly(faulty.dataset(dark, LABELS), 100).accuracy is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of pictures with faults: a broken one, a tiny one, a narrow one, one in colour, one twice."""
    where = tmp_path_factory.mktemp("shapes")
    for i, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        path = where / faulty.CLASSES[label] / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path)
    (where / "bar" / "broken.png").write_bytes((where / "bar" / "0.png").read_bytes()[:100])
    Image.fromarray(IMAGES[1]).resize((6, 6)).save(where / "bar" / "tiny.png")
    Image.fromarray(IMAGES[2]).resize((80, 20)).save(where / "bar" / "wide.png")
    Image.fromarray(IMAGES[61]).save(where / "disc" / "saved.jpg", quality=80)
    (where / "ring" / "twice.png").write_bytes((where / "bar" / "5.png").read_bytes())
    return where


def test_a_folder_of_pictures_is_looked_at_file_by_file(folder):
    inspection = cl.inspect(folder, training=False)
    findings = found(inspection)
    assert "broken.png" in findings["broken"].cases[0].remark and findings["broken"].gravity == "mend"
    named = {kind: {inspection.place(image).path for image in finding.images} for kind, finding in findings.items()}
    assert named["small"] == {"bar/tiny.png"} and named["proportions"] == {"bar/wide.png"}
    assert named["form"] == {"disc/saved.jpg"}
    assert named["contradicting copies"] == {"bar/5.png", "ring/twice.png"}
    assert any({"disc/61.png", "disc/saved.jpg"} <= named[kind] for kind in named if kind.startswith("near copies"))


def test_what_is_looked_at_stays_as_it_is(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    cl.inspect(folder, training=False)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_arrays_are_looked_at_as_they_are():
    assert cl.inspect((IMAGES.astype(np.float32) / 255, LABELS), training=False).place(61).name == "train 61"


@pytest.mark.parametrize(
    ("data", "error"), [("nowhere", InputError), (3, InputError), ((IMAGES, LABELS[:-1]), DataError)]
)
def test_what_is_no_data_set_is_refused(data, error):
    with pytest.raises(error):
        cl.inspect(data, training=False)
