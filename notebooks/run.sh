#!/usr/bin/env bash
# Executes the notebooks from top to bottom, and fails when a cell does.
#   notebooks/run.sh            nothing is kept
#   notebooks/run.sh FOLDER     the executed notebooks, with their figures, are kept there
# FLEETCAST_BIN names the binary; where it is not set, cargo builds and runs the release build. FLEETCAST_DATA is the folder
# of the public data; what needs it is skipped without. Without Python 3.11 or pip nothing is executed, and this says so.
set -euo pipefail

keep=${1:-}
if test -n "$keep"; then mkdir -p "$keep"; keep=$(cd "$keep" && pwd); fi
for name in FLEETCAST_BIN FLEETCAST_DATA; do
  # Paths are the caller's; the notebooks run in their own folder.
  case "${!name:-}" in "" | /*) ;; *) export "$name=$PWD/${!name}" ;; esac
done
cd "$(dirname "$0")"

skip() { echo "SKIPPED: $*, so that no notebook was executed; notebooks/run.sh is the step to run where there is one"; exit 0; }

command -v python3 >/dev/null || skip "no python3 here"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || skip "no Python of 3.11 or later here"

# Committed without outputs: what they show is what this binary says, not what another one said.
python3 - *.ipynb <<'PY'
import json, sys
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as file:
        cells = json.load(file)["cells"]
    if any(cell.get("outputs") or cell.get("execution_count") for cell in cells):
        sys.exit(f"{name}: has outputs; clear them before a commit")
PY

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools/venv" >/dev/null 2>&1 || skip "no venv or pip here"
if ! "$tools/venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt 2>"$tools/pip.log"; then
  tail -3 "$tools/pip.log"
  skip "pip could not install notebooks/requirements.txt here"
fi

# Nothing of it in the home folder.
export IPYTHONDIR="$tools/ipython" JUPYTER_CONFIG_DIR="$tools/jupyter" JUPYTER_DATA_DIR="$tools/data"
export JUPYTER_RUNTIME_DIR="$tools/runtime" MPLCONFIGDIR="$tools/matplotlib" PYTHONDONTWRITEBYTECODE=1
if test -z "${FLEETCAST_BIN:-}"; then (cd .. && cargo build --release --quiet); fi

for notebook in *.ipynb; do
  began=$SECONDS
  "$tools/venv/bin/jupyter-execute" --timeout=600 --output="$tools/$notebook" "$notebook" >"$tools/log" 2>&1 || { cat "$tools/log"; echo "$notebook: FAILED"; exit 1; }
  echo "$notebook: executed in $((SECONDS - began)) s"
  if test -n "$keep"; then cp "$tools/$notebook" "$keep/"; fi
done
