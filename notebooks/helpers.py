"""What both notebooks need: how to call fleetcast, and how charts look."""

import atexit
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parent.parent

# Okabe and Ito's palette, which stays apart in the common kinds of colour blindness.
BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
GREY, PALE = "#666666", "#CCCCCC"


def fleetcast(*args, ok=(0,)):
    """Runs fleetcast at the root of the repository: `FLEETCAST_BIN`, or what `cargo run --release` builds.

    Returns the completed process, with `stdout` and `stderr` as text. An exit code that is not in `ok` raises.
    """
    own = os.environ.get("FLEETCAST_BIN")
    # The path may be relative to where the notebook was started, and the command runs elsewhere.
    command = [str(Path(own).resolve())] if own else ["cargo", "run", "--release", "--quiet", "--"]
    done = subprocess.run([*command, *map(str, args)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode not in ok:
        raise RuntimeError(f"fleetcast {' '.join(map(str, args))}: exit code {done.returncode}\n{done.stderr}")
    return done


def scratch():
    """A folder for results that goes when the notebook ends."""
    folder = Path(tempfile.mkdtemp(prefix="fleetcast-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def theme():
    """Large type, no frame, titles at the left: they are sentences."""
    plt.rcParams.update({
        "figure.figsize": (9, 4),
        "figure.dpi": 100,
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.titlelocation": "left",
        "axes.titlesize": 12,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": "#E5E5E5",
        "legend.frameon": False,
    })
