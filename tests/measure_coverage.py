"""`make coverage`: which lines of the package the tests run, and whether the rooms that must not surprise are all run.

Commands that the tests run as processes are measured too, and with them a training in which nothing is compiled: no
tool sees the lines of compiled kernels. The floors are of the rooms that read strangers' files and keep people's runs.
What it is not: a test. It takes up to twice as long as they do; Python 3.12 and newer count lines at less cost.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOUND = ROOT / "build" / "coverage.json"
FLOORS = {"checks.py": 100, "datasets": 99, "descriptions": 98, "runs": 95, "training": 97}  # per cent of lines


def main() -> int:
    """Run the tests, print the share of each room, and 1 where one is below its floor or a test fails."""
    FOUND.parent.mkdir(exist_ok=True)
    others = ["--ignore=tests/engines/keras", "--ignore=tests/explore"]  # these need environments of their own
    others += ["--ignore=tests/test_lightness.py"]  # what a fresh Python imports: what measures it is imported, too
    others += ["--timeout=900"]  # what is counted takes longer, and a test out of time takes its whole process with it
    counting = ["-n", "2", "--dist", "worksteal", "--cov", f"--cov-report=json:{FOUND}"]
    command = [sys.executable, "-m", "pytest", *counting, "tests", *others]
    environment = {**os.environ, "COVERAGE_CORE": "sysmon" if sys.version_info >= (3, 12) else "ctrace"}
    done = subprocess.run([*command, *sys.argv[1:]], cwd=ROOT, env=environment, check=False)
    if done.returncode > 1:  # broken off; where a test fails, the lines have been counted all the same
        return done.returncode
    shares = rooms(json.loads(FOUND.read_text("utf-8"))["files"])
    for room, share in sorted(shares.items()):
        print(f"{room:16}{share:6.1f} %{below(room, share)}")  # noqa: T201
    return int(done.returncode or any(below(room, share) for room, share in shares.items()))


def rooms(files: dict[str, dict[str, dict[str, int]]]) -> dict[str, float]:
    """Per cent of the lines of each room, and of all, by coverage's files."""
    lines: dict[str, list[int]] = {}
    for name, found in files.items():
        if not name.startswith("src/convlet/"):
            continue  # a copy, such as the one that a wheel was unpacked to
        room = name.removeprefix("src/convlet/").partition("/")[0]
        for key in (room, "all"):
            run, there = lines.setdefault(key, [0, 0])
            lines[key] = [run + found["summary"]["covered_lines"], there + found["summary"]["num_statements"]]
    return {room: 100 * run / there for room, (run, there) in lines.items() if there}


def below(room: str, share: float) -> str:
    """A remark where a room is below its floor."""
    floor = FLOORS.get(room, 0)
    return f"  below its floor of {floor} %" if share < floor else ""


if __name__ == "__main__":
    sys.exit(main())
