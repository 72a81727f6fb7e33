"""Printed equations, read back and computed with exact decimals."""

from decimal import Decimal

MINUS = "\N{MINUS SIGN}"


def number(text, mark="."):
    """A printed number as an exact decimal. Only a true minus is read as one."""
    assert "-" not in text, text
    assert text.count(mark) <= 1, text
    return Decimal(text.replace(MINUS, "-").replace(mark, "."))


def assert_holds(equation, mark="."):
    """Raise an AssertionError where a printed equation is not true as it is printed."""
    match equation["operation"]:
        case "sum":
            terms = [number(term["text"], mark) for term in equation["terms"]]
            assert sum(terms) == number(equation["result"], mark), equation
        case "product" | "quotient":
            first, second = (number(text, mark) for text in equation["factors"])
            computed = first * second if equation["operation"] == "product" else first / second if second else None
            _assert_sign(equation, computed, number(equation["result"], mark))
        case "root":
            computed = sum(number(text, mark) for text in equation["terms"]).sqrt()
            _assert_sign(equation, computed, number(equation["result"], mark))
        case "activation":
            if equation["name"] == "relu":
                assert number(equation["after"], mark) == max(0, number(equation["before"], mark)), equation
            else:
                assert equation["sign"] == "≈"
        case "largest":
            assert equation["terms"][equation["winner"]]["text"] == equation["result"], equation
        case "same":
            number(equation["result"], mark)
        case other:
            raise AssertionError(f"{other}: no such operation")


def _assert_sign(equation, computed, result):
    """An equals sign stands where, and only where, the printed numbers give the printed result."""
    if computed is None:
        return
    unit = Decimal(1).scaleb(result.as_tuple().exponent)
    apart = abs(computed - result)
    if equation["sign"] == "=":
        assert apart <= unit / 2 + unit / 10**6, equation
    else:
        assert apart >= unit / 2 - unit / 10**6, equation
