"""The whole header: what its user must know, the functions that it needs, the weights, and the network as calls."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version

from convlet.descriptions.network import IMAGE, Sequential
from convlet.exchange.c.calls import Array, Call, Struct, places
from convlet.exchange.c.functions import functions
from convlet.exchange.c.text import array, comment, string

TEXT = """\
/*
 * {name}: a convolutional network as one C99 header, written by convlet {version}.
 *
 *     static {number} scratch[{macro}_SCRATCH];
 *     float probabilities[{macro}_CLASSES];
 *     int best = {name}_predict(image, probabilities, scratch);
 *     printf("%s: %.3f", {name}_classes[best], probabilities[best]);
 *
 * An image is {macro}_INPUTS {pixels},
 * row by row, pixel by pixel, the channels of a pixel together. {name}_logits gives the numbers before the softmax.
 * Nothing is allocated, and nothing kept: with a scratch memory each, several threads may ask at once.
 * Include it in one file alone, for each file that does has weights of its own. Link with -lm where C needs that.
 *
{facts}
 */
#ifndef {macro}_H
#define {macro}_H

#include <math.h>
#include <stdint.h>

{macros}

static const char *const {name}_classes[{macro}_CLASSES] = {{
{classes}
}};

{functions}

{constants}

/* The network: what each layer makes of what it is given. */
static inline void {name}_logits(const {pixel} *image, float *logits, {number} *scratch) {{
{calls}
}}

/* The probability of each class. Returns the number of the class that has the largest: by the logits, for two that
   differ may have the same probability in float32. */
static inline int {name}_predict(const {pixel} *image, float *probabilities, {number} *scratch) {{
    int best = 0;
    {name}_logits(image, probabilities, scratch);
    for (int i = 1; i < {macro}_CLASSES; i++) best = probabilities[i] > probabilities[best] ? i : best;
    {name}_softmax(probabilities, probabilities, 1, {macro}_CLASSES);
    return best;
}}

#endif /* {macro}_H */
"""


@dataclass(frozen=True)
class Header:
    """What a header is made of: what it is called in C, the trained network, which is told, and what computes it.

    `numbers` are "float32" or "int8"; with `uint8` an image is bytes. `facts` are lines that say where it came from.
    """

    name: str
    network: Sequential
    calls: Sequence[Call]
    classes: Sequence[str] = ()
    numbers: str = "float32"
    uint8: bool = False
    facts: Sequence[str] = ()

    @property
    def weight_bytes(self) -> int:
        """Bytes of the constants that it brings along."""
        return sum(value.nbytes for value in self._constants.values() if not isinstance(value, Struct))

    @property
    def scratch_size(self) -> int:
        """How many numbers its user lends it room for while it computes."""
        return max(self._places[1], 1)  # C has no arrays of nothing

    @property
    def scratch_bytes(self) -> int:
        """The bytes of these."""
        return self.scratch_size * (4 if self.numbers == "float32" else 1)

    @property
    def text(self) -> str:
        """The header, of plain ASCII."""
        kinds = [value.kind for value in self._constants.values() if isinstance(value, Struct)]
        names = self.classes or [str(number) for number in range(self._outputs)]
        return TEXT.format(
            name=self.name,
            macro=self.name.upper(),
            version=version("convlet"),
            number="float" if self.numbers == "float32" else "int8_t",
            pixel="uint8_t" if self.uint8 else "float",
            pixels="bytes from 0 (black) to 255 (white)" if self.uint8 else "numbers from 0 (black) to 1 (white)",
            facts="\n".join(f" * {comment(line)}" for line in [*self.facts, *self._layers()]),
            macros="\n".join(f"#define {self.name.upper()}_{name} {value}" for name, value in self._macros()),
            classes="\n".join(f"    {string(name)}," for name in names),
            functions=self._named(
                functions(self.numbers, ["softmax", *kinds, *(each.function for each in self.calls)])
            ),
            constants=self._named("\n".join(self._definitions())),
            calls=self._named("\n".join(self._statements())),
        )

    @property
    def _outputs(self) -> int:
        return math.prod(self.network.output_shape)

    @cached_property
    def _places(self) -> tuple[dict[str, int], int]:
        return places(self.calls)

    @cached_property
    def _constants(self) -> Mapping[str, Array | Struct]:
        return {name: value for call in self.calls for name, value in call.arrays.items()}

    def _named(self, code: str) -> str:
        """Code with what the header is called in the place of NAME."""
        return re.sub(r"\bNAME_", f"{self.name}_", code)

    def _layers(self) -> Iterator[str]:
        for placed in self.network:
            yield f"    {'    ' * len(placed.inside)}{placed.name}: {placed.layer.describe()}"

    def _macros(self) -> Iterator[tuple[str, int]]:
        shape = self.network.input_shape
        if len(shape) == 3:
            yield from zip(("HEIGHT", "WIDTH", "CHANNELS"), shape, strict=True)
        yield "INPUTS", math.prod(shape)
        yield "CLASSES", self._outputs
        yield "SCRATCH", self.scratch_size

    def _definitions(self) -> Iterator[str]:
        for name, value in self._constants.items():
            if isinstance(value, Struct):
                yield f"static const NAME_{value.kind} NAME_{name} = {{{', '.join(value.members)}}};"
            else:
                yield from array(f"NAME_{name}", value)

    def _statements(self) -> Iterator[str]:
        offsets, size = self._places
        if not size:
            yield "    (void)scratch;"
        last = self.calls[-1].output
        where = {name: f"scratch + {offset}" if offset else "scratch" for name, offset in offsets.items()}
        where |= {IMAGE: "image", last: "logits"}
        for call in self.calls:
            arguments = [*(where[name] for name in (*call.inputs, call.output)), *call.more]
            yield f"    NAME_{call.function}({', '.join(arguments)});"
