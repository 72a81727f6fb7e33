"""Headers of networks, compiled without a warning, and what their functions answer. Helpers; no tests are here."""

import shutil
import subprocess

import numpy as np
import pytest

GCC, GXX = shutil.which("gcc"), shutil.which("g++")
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow", "-Wconversion", "-Wdouble-promotion"]
WATCHED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
needs_gcc = pytest.mark.skipif(GCC is None, reason="compiling a header needs gcc")
needs_gxx = pytest.mark.skipif(GXX is None, reason="compiling a header as C++ needs g++")

MAIN = """\
#include <stdio.h>
#include <stdlib.h>
{includes}

int main(int count, char **values) {{
    FILE *in = count == 3 ? fopen(values[1], "rb") : NULL, *out = count == 3 ? fopen(values[2], "wb") : NULL;
    if (!in || !out) return 1;
{asked}
    return fclose(in) || fclose(out);
}}
"""
ASKED = """\
    for (int image = 0; image < {images}; image++) {{
        {pixel} *pixels = malloc({macro}_INPUTS * sizeof *pixels);
        {number} *scratch = malloc({macro}_SCRATCH * sizeof *scratch);
        float *logits = malloc({macro}_CLASSES * sizeof *logits);
        if (!pixels || !scratch || !logits) return 2;
        if (fread(pixels, sizeof *pixels, {macro}_INPUTS, in) != {macro}_INPUTS) return 2;
        {name}_{function}(pixels, logits, scratch);
        if (fwrite(logits, sizeof *logits, {macro}_CLASSES, out) != {macro}_CLASSES) return 3;
        free(pixels), free(scratch), free(logits);
    }}
"""


def answers(headers, images, folder, function="logits"):
    """What each header's function answers to its images (N, …): arrays (N, numbers), by all in one program.

    Its memory is exactly as large as the header says, and watched.
    """
    asked = ""
    for header, own in zip(headers, images, strict=True):
        (folder / f"{header.name}.h").write_text(header.text, "ascii")
        number = "float" if header.numbers == "float32" else "int8_t"
        names = {"name": header.name, "macro": header.name.upper(), "number": number, "function": function}
        asked += ASKED.format(images=len(own), pixel="uint8_t" if header.uint8 else "float", **names)
    includes = "\n".join(f'#include "{header.name}.h"' for header in headers)
    (folder / "main.c").write_text(MAIN.format(includes=includes, asked=asked))
    (folder / "images").write_bytes(b"".join(np.ascontiguousarray(own).tobytes() for own in images))
    built([GCC, "-std=c99", *WATCHED, "main.c", "-lm"], folder)
    done = subprocess.run(["./a.out", "images", "answers"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, numbers = [], np.fromfile(folder / "answers", np.float32)
    for header, own in zip(headers, images, strict=True):
        size = len(own) * int(np.prod(header.network.output_shape))
        found.append(numbers[:size].reshape(len(own), -1))
        numbers = numbers[size:]
    assert len(numbers) == 0
    return found


def built(command, folder):
    """Run a compiler in a folder, strictly; it must have nothing to say."""
    done = subprocess.run([*command, *STRICT], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr[:2000]
