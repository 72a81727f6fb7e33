"""The page's modules as one script: what is put together, and what is refused."""

import pytest

from convlet.explore import script


def test_modules_become_functions_in_the_order_in_which_they_are_needed(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "main.js").write_text('import { twice } from "./inner/twice.js";\n\nprint(twice(21));\n')
    (tmp_path / "inner" / "twice.js").write_text(
        "/** Two of it. @param {number} x */\nexport function twice(x) {\n  return 2 * x; // not 3\n}\n"
    )
    made = script.bundled(script.modules(tmp_path))
    assert made == (
        '"use strict";\nconst all = {};\n'
        'all["inner/twice.js"] = (() => {\nfunction twice(x) {\nreturn 2 * x;\n}\nreturn { twice };\n})();\n'
        'all["main.js"] = (() => {\nconst { twice } = all["inner/twice.js"];\n'
        "print(twice(21));\nreturn {  };\n})();"
    )


def test_two_slashes_in_a_text_are_no_comment():
    made = script.bundled({"main.js": 'const address = "http://a"; // here\nconst other = "a // b";\n'})
    assert 'const address = "http://a";\nconst other = "a // b";\n' in made


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('export default "a";\n', "import or export"),
        ('import a from "./a.js";\n', "import or export"),
        ("const text = `a\n  b`;\n", "several lines"),
    ],
)
def test_a_form_that_it_does_not_know_is_refused(text, says):
    with pytest.raises(AssertionError, match=says):
        script.bundled({"main.js": text})
