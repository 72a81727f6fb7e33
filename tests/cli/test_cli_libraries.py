"""What other libraries say does not come between a command and its reader."""

import subprocess
import sys

import tiny


def test_matplotlib_is_silent_about_its_own_folders(tmp_path, shop):
    """Without a folder that it can write, it makes one for a while, builds its list of fonts anew, and says both."""
    nowhere = tmp_path / "a file"
    nowhere.write_text("no folder")
    command = ["train", shop / "tiny.toml", "--engine", "numpy", "--steps", "4", "--run-dir", tmp_path / "run"]
    done = subprocess.run(
        [sys.executable, "-m", "convlet", *map(str, command)],
        env=tiny.environment(MPLCONFIGDIR=str(nowhere)),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0 and (tmp_path / "run" / "curves.svg").exists(), done.stderr
    assert "atplotlib" not in done.stderr and str(nowhere) not in done.stderr
