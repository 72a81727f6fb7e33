"""What is asked over real sockets, and what is answered: pictures, forms, arrays, and the server's own description."""

import importlib.metadata
import json

import asking
import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="the server is an extra: make test-extras")


@pytest.fixture(scope="module")
def server():
    with asking.served(max_body=1, most_images=40) as made:
        yield made


IMAGES = [asking.image(seed) for seed in range(3)]
ARRAYS = {
    "one of bytes": (IMAGES[0].tolist(), 1),
    "one without its channel": (IMAGES[0][..., 0].tolist(), 1),
    "several": ([image.tolist() for image in IMAGES], 3),
    "several without their channel": ([image[..., 0].tolist() for image in IMAGES], 3),
    "numbers from 0 to 1": ((IMAGES[0] / np.float32(255)).tolist(), 1),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_answered_one_after_the_other(server, name):
    given, count = ARRAYS[name]
    status, answer = server.predict(json.dumps(given))
    assert status == 200
    assert [each["image"] for each in answer["predictions"]] == [str(place) for place in range(count)]
    assert [each["probabilities"] for each in answer["predictions"]] == asking.expected(*IMAGES[:count])


def test_lists_of_nothing_but_0_and_1_are_black_and_white(server):
    given = (IMAGES[0] > 127).astype(int)
    status, answer = server.predict(json.dumps(given.tolist()))
    assert status == 200
    assert [each["probabilities"] for each in answer["predictions"]] == asking.expected((255 * given).astype(np.uint8))


@pytest.mark.parametrize("kind", ["image/png", "image/x-whatever", "application/octet-stream", "Image/PNG; q=1"])
def test_a_picture_is_answered_whatever_its_type_is_called(server, kind):
    status, answer = server.predict(asking.png(IMAGES[1]), kind)
    assert status == 200 and [each["probabilities"] for each in answer["predictions"]] == asking.expected(IMAGES[1])


def test_the_files_of_a_form_are_answered_by_their_names(server):
    body, kind = asking.form(
        *((name, asking.png(each)) for name, each in zip(("a", "ảnh.png", ""), IMAGES, strict=True))
    )
    status, answer = server.predict(body, kind)
    assert status == 200
    assert [each["image"] for each in answer["predictions"]] == ["a", "ảnh.png", "2"]
    assert [each["probabilities"] for each in answer["predictions"]] == asking.expected(*IMAGES)


def test_classes_come_with_the_most_probable_first_and_no_more_than_asked_for(server):
    whole = server.predict(json.dumps(IMAGES[2].tolist()))[1]["predictions"][0]
    ranked = sorted(whole["probabilities"].items(), key=lambda each: -each[1])
    assert list(whole["probabilities"].items()) == ranked
    assert (whole["class"], whole["probability"]) == ranked[0]
    for top in (1, 2, 3, 1000):
        answer = server.predict(json.dumps(IMAGES[2].tolist()), query=f"?top={top}")[1]["predictions"][0]
        assert list(answer["probabilities"].items()) == ranked[:top]


PNG = asking.png(IMAGES[0])
TWO = asking.form(("good.png", PNG), ("broken.png", PNG[:40]))
REFUSED = {
    "no type": (PNG, "", 415, "content-type: none; expected image/"),
    "a type that is not read": (PNG, "text/plain", 415, "content-type: text/plain"),
    "what curl says of data": (PNG, "application/x-www-form-urlencoded", 415, "multipart/form-data"),
    "nothing": (b"", "image/png", 422, "0: not an image"),
    "no picture": (b"hello", "image/png", 422, "0: not an image; expected one of PNG"),
    "half a picture": (PNG[:50], "image/png", 422, "0: "),
    "one of two broken": (*TWO, 422, "broken.png: "),
    "no JSON": (b"[1, 2", "application/json", 400, "not JSON"),
    "JSON too deep": (b"[" * 100_000, "application/json", 400, "not JSON"),
    "NaN": (b"[[NaN]]", "application/json", 400, "not JSON"),
    "Infinity": (b"[[-Infinity]]", "application/json", 400, "not JSON"),
    "bytes that are no text": (b"\xff\xfe\x00", "application/json", 400, "not JSON"),
    "a number beyond floats": (json.dumps([[0.5] * 4] * 5).replace("0.5", "1e999", 1), None, 422, "inf"),
    "an object": (b'{"images": []}', "application/json", 422, "lists of numbers"),
    "a number": (b"3", "application/json", 422, "shape []"),
    "nothing at all": (b"[]", "application/json", 422, "shape [0]; expected [5, 4, 1] or [5, 4] for one image"),
    "another shape": (json.dumps(np.zeros((4, 5)).tolist()), None, 422, "shape [4, 5]; expected [5, 4, 1] or [5, 4]"),
    "a list too deep": (json.dumps(np.zeros((1, 1, 5, 4, 1)).tolist()), None, 422, "shape [1, 1, 5, 4, 1]"),
    "rows of two lengths": (b"[[1, 2], [3]]", None, 422, "lists of 1 and of 2"),
    "a text among numbers": (json.dumps([["1"] * 4] * 5), None, 422, "lists of numbers, all equally deep"),
    "true and false": (json.dumps([[True] * 4] * 5), None, 422, "lists of numbers"),
    "a null": (json.dumps([[None] * 4] * 5), None, 422, "lists of numbers"),
    "bytes beyond 255": (json.dumps([[256] * 4] * 5), None, 422, "whole numbers from 256 to 256; expected 0 to 255"),
    "floats up to 255": (json.dumps([[128.5] * 4] * 5), None, 422, "images / 255"),
    "a number of 400 digits": (json.dumps([[10**400, 0.5, 0, 0]] * 5), None, 422, "beyond all measure"),
    "too many images": (json.dumps(np.zeros((41, 5, 4), int).tolist()), None, 413, "More than 40 images"),
    "too many files": (*asking.form(*[("a", PNG)] * 41), 413, "More than 40 images"),
    "a form without its boundary": (TWO[0], "multipart/form-data", 400, "without its boundary"),
    "a form of another boundary": (TWO[0], "multipart/form-data; boundary=other", 400, "breaks off"),
    "a form that breaks off": (TWO[0][:-30], TWO[1], 400, "breaks off"),
    "an empty form": (b"------boundary--\r\n", TWO[1], 400, "no file"),
    "a field that is no file": (TWO[0].replace(b'; filename="good.png"', b""), TWO[1], 400, "is the text '\ufffdPNG"),
    "a field without an end": (TWO[0].replace(b"\r\n\r\n", b"\r\n"), TWO[1], 400, "a filename"),
    "a field with endless headers": (TWO[0].replace(b"good", b"g" * 9000), TWO[1], 400, "a filename"),
    "a name in no encoding": (TWO[0].replace(b'="good.png"', b"*=idna''%ff"), TWO[1], 400, "a filename"),
    "a boundary of other letters": (TWO[0], "multipart/form-data; boundary*=utf-8''%E1%BA%A3", 400, "breaks off"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_answered_is_refused_with_what_is_wrong(server, name):
    body, kind, status, says = REFUSED[name]
    found, answer = server.predict(body, "application/json" if kind is None else kind)
    assert (found, answer["status"]) == (status, status)
    assert says in answer["detail"]
    assert "Traceback" not in answer["detail"] and "/src/" not in answer["detail"] and len(answer["detail"]) <= 500


@pytest.mark.parametrize("top", ["0", "-1", "x", "1.5", "", "9" * 30])
def test_a_number_of_classes_that_is_none_is_named(server, top):
    status, answer = server.predict(json.dumps(IMAGES[0].tolist()), query=f"?top={top}")
    assert status == 422 and answer["detail"].startswith("top=")


def test_a_picture_of_more_pixels_than_are_decoded_is_named(server):
    bomb = asking.png(np.zeros((6000, 6000, 1), np.uint8))
    assert len(bomb) < 50_000
    status, answer = server.predict(bomb, "image/png")
    assert (status, answer["detail"][:59]) == (422, "0: too many pixels: 36,000,000. At most 32,000,000 can be d")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/predict", 405), ("POST", "/health", 405)])
def test_a_route_has_its_method(server, method, path, status):
    found, _, answer = server.ask(method, path)
    assert (found, answer["status"]) == (status, status)


SENT = {
    "a text": (b'name="image"', b"picture.png", "field 'image' is the text 'picture.png'; expected a file"),
    "nothing": (b'name="image"', b"", "field 'image' is nothing; expected a file"),
    "a long text": (b'name="image"', b"x" * 999, f"the text '{'x' * 40}'…; expected a file"),
    "a text without a name": (b"", b"a", "a part of the form is the text 'a'; expected a file"),
    "a name in another encoding": (b"name*=utf-8''b", b"a", "a part of the form is the text 'a'; expected a file"),
}


@pytest.mark.parametrize("name", SENT)
def test_a_field_without_a_file_is_told_what_it_is_and_what_to_send(server, name):
    head, content, says = SENT[name]
    body = b"--x\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n--x--\r\n" % (head, content)
    status, answer = server.predict(body, "multipart/form-data; boundary=x")
    assert status == 400
    assert says in answer["detail"] and "-F image=@picture.png" in answer["detail"]


def test_there_is_nothing_else_here(server):
    assert server.ask("GET", "/predict/")[0] == server.ask("GET", "/../etc/passwd")[0] == 404


def test_a_person_is_told_how_to_ask(server):
    status, _, text = server.ask("GET", "/")
    assert status == 200
    assert f"curl -F image=@picture.png http://127.0.0.1:{server.port}/predict\n" in text.decode()
    assert "5 × 4 pixels, grey → 3 classes: ant, bee, cat." in text.decode()
    assert "\nan image is a list of 5 rows, a row a list of 4 pixels, a pixel a number.\n" in text.decode()
    schema = server.ask("GET", "/openapi.json")[2]["components"]["schemas"]["Images"]
    assert "a list of 5 rows" in schema["description"]


def test_what_the_network_cannot_answer_is_the_servers_fault_and_shows_nothing(caplog):
    def broken(images):
        if images.max() > 0:
            raise ArithmeticError("/secret/path")
        return asking.probabilities(images)

    with asking.served(asking.predictor(broken)) as server:
        status, answer = server.predict(json.dumps(IMAGES[0].tolist()))
        assert (status, answer["detail"]) == (500, "The server could not answer this.")
        assert server.predict(json.dumps(np.zeros((5, 4)).tolist()))[0] == 200
    assert "/secret/path" in caplog.text


# --------------------------------------------------------------------------------------------------- descriptions


def test_every_answer_is_as_the_description_says(server):
    jsonschema = pytest.importorskip("jsonschema", reason="make test-extras")
    described = server.ask("GET", "/openapi.json")[2]
    responses = described["paths"]["/predict"]["post"]["responses"]

    def check(status, content_type, answer):
        (schema,) = (content["schema"] for media, content in responses[str(status)]["content"].items())
        assert content_type in responses[str(status)]["content"]
        jsonschema.Draft202012Validator({**schema, "components": described["components"]}).validate(answer)

    asked = [(json.dumps(given), "application/json") for given, _ in ARRAYS.values()]
    asked += [(body, kind or "application/json") for body, kind, _, _ in REFUSED.values()]
    seen = set()
    for body, kind in [*asked, (PNG, "image/png"), asking.form(("a", PNG))]:
        status, headers, answer = server.ask("POST", "/predict", body, {"content-type": kind})
        check(status, headers["content-type"], answer)
        seen.add(status)
    assert seen == {200, 400, 413, 415, 422}
    with pytest.raises(jsonschema.ValidationError):
        check(200, "application/json", {"predictions": [{"image": "0", "class": "dog"}]})


@pytest.mark.parametrize("name", ARRAYS)
def test_the_description_takes_the_arrays_that_the_server_takes(server, name):
    jsonschema = pytest.importorskip("jsonschema", reason="make test-extras")
    schema = server.ask("GET", "/openapi.json")[2]["components"]["schemas"]["Images"]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(ARRAYS[name][0])
    for refused in ([], 3, [[0]], np.zeros((4, 5)).tolist(), [["1"] * 4] * 5, [[256] * 4] * 5):
        assert not jsonschema.Draft202012Validator(schema).is_valid(refused)


def test_the_description_is_of_this_version_and_of_every_route(server):
    from convlet.serving.guard import PATHS

    described = server.ask("GET", "/openapi.json")[2]
    assert described["openapi"] == "3.1.0" and described["info"]["version"] == importlib.metadata.version("convlet")
    assert set(described["paths"]) == set(PATHS) - {"/openapi.json"}
