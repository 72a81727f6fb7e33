"""What the server says of itself: to programs as OpenAPI 3.1, to a person as a page of plain text."""

from importlib.metadata import version
from typing import Any

from convlet.serving.predictor import Predictor
from convlet.serving.reading import ARRAYS, BYTES, FORM

Json = dict[str, Any]
REFUSALS = {
    400: "The body is not what its content type says",
    403: "A host or an origin that is not let in",
    408: "The body did not arrive in time",
    413: "The body is too long, or has too many images",
    415: "A content type that is not read",
    422: "An image that cannot be used: broken, of another shape or scale; or a wrong value of top",
    500: "The network has no answer to this",
    503: "Too many requests at once: come again after the seconds in Retry-After",
    504: "The answer took too long",
}


def described(predictor: Predictor) -> Json:
    """The server as an OpenAPI 3.1 document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Predictions by {predictor.name}",
            "version": version("convlet"),
            "description": f"{_taken(predictor)} Served by convlet.",
        },
        "paths": {
            "/predict": {"post": _predict(predictor)},
            "/health": {"get": _health()},
            "/metrics": {"get": _text("metrics", "Counts and times, in Prometheus' text format")},
            "/": {"get": _text("help", "How to ask, for a person")},
        },
        "components": {"schemas": _schemas(predictor)},
    }


def _predict(predictor: Predictor) -> Json:
    picture: Json = {"schema": {"type": "string", "format": "binary"}}
    form = {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}, "minProperties": 1}
    return {
        "operationId": "predict",
        "summary": "The class of each image, with probabilities",
        "parameters": [
            {
                "name": "top",
                "in": "query",
                "description": "How many classes have their probabilities said, the most probable first",
                "schema": {"type": "integer", "minimum": 1, "default": len(predictor.classes)},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "image/*": picture,
                BYTES: picture,
                FORM: {"schema": form},
                ARRAYS: {"schema": {"$ref": "#/components/schemas/Images"}},
            },
        },
        "responses": {
            "200": _answer("The predictions, in the order of the images", "Predictions"),
            **{str(status): _refusal(text) for status, text in REFUSALS.items()},
        },
    }


def _health() -> Json:
    return {
        "operationId": "health",
        "summary": "Whether the server is ready to predict",
        "responses": {
            "200": _answer("It is ready", "Health"),
            "403": _refusal(REFUSALS[403]),
            "503": _refusal("It prepares for its first prediction"),
        },
    }


def _text(name: str, text: str) -> Json:
    answer = {"description": text, "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {"operationId": name, "summary": text, "responses": {"200": answer, "403": _refusal(REFUSALS[403])}}


def _answer(text: str, schema: str, media: str = ARRAYS) -> Json:
    return {"description": text, "content": {media: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _refusal(text: str) -> Json:
    return _answer(text, "Problem", "application/problem+json")


def _schemas(predictor: Predictor) -> Json:
    probability = {"type": "number", "minimum": 0, "maximum": 1}
    of_class = {"type": "string", "enum": list(predictor.classes)}
    prediction = {
        "image": {"type": "string", "description": "Its file's name in a form; else its place, from 0 on"},
        "class": {**of_class, "description": "The most probable class"},
        "probability": {**probability, "description": "Of that class"},
        "probabilities": {
            "type": "object",
            "description": "Of each class, the most probable first",
            "propertyNames": of_class,
            "additionalProperties": probability,
            "minProperties": 1,
        },
    }
    problem = {"title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}}
    return {
        "Images": {
            "description": f"One image, or a list of several: {_numbers(predictor.image_shape)}",
            "anyOf": _images(predictor.image_shape),
        },
        "Prediction": _object(prediction),
        "Predictions": _object(
            {"predictions": {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}}}
        ),
        "Problem": _object(problem),
        "Health": _object({"status": {"const": "ready"}}),
    }


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _images(image_shape: tuple[int, ...]) -> list[Json]:
    """The lists that are one image, and those that are several; of one channel they may be a list less deep."""
    grey = image_shape[-1] == 1
    scale = "Whole numbers from 0 (black) to 255 (white), or numbers from 0 to 1"
    number = {"type": "number", "maximum": 255, "description": scale}
    ones = [_lists(image_shape, number)] + ([_lists(image_shape[:-1], number)] if grey else [])
    return [*ones, *({"type": "array", "items": one, "minItems": 1} for one in ones)]


def _lists(shape: tuple[int, ...], number: Json) -> Json:
    for size in reversed(shape):
        number = {"type": "array", "items": number, "minItems": size, "maxItems": size}
    return number


def told(predictor: Predictor, address: str) -> str:
    """How to ask, with lines to copy."""
    return f"""{_taken(predictor)}

  curl -F image=@picture.png {address}predict
  curl -F 1=@one.png -F 2=@two.jpg '{address}predict?top=3'
  curl -H 'content-type: image/png' --data-binary @picture.png {address}predict
  curl -H 'content-type: application/json' -d @numbers.json {address}predict

numbers.json has one image, or a list of several:
{_numbers(predictor.image_shape)}.
Numbers are whole ones from 0 (black) to 255 (white), or from 0 to 1.

{address}openapi.json   all of this, for programs
{address}health         whether it is ready
{address}metrics        what it has answered, for Prometheus
"""


def _numbers(image_shape: tuple[int, ...]) -> str:
    """What the lists are that are one image, in words.

    >>> _numbers((28, 20, 1))
    'an image is a list of 28 rows, a row a list of 20 pixels, a pixel a number'
    """
    height, width, channels = image_shape
    each = {1: "a number", 3: "a list of 3 numbers: red, green, blue"}.get(channels, f"a list of {channels} numbers")
    return f"an image is a list of {height} rows, a row a list of {width} pixels, a pixel {each}"


def _taken(predictor: Predictor) -> str:
    height, width, channels = predictor.image_shape
    colour = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
    classes = ", ".join(predictor.classes[:20]) + (", …" if len(predictor.classes) > 20 else "")
    made = f"pictures, made {height} × {width} pixels, {colour}"
    return f"{predictor.name}: {made} → {len(predictor.classes)} classes: {classes}."
