"""How long the command line takes to start.

    python benchmarks/startup.py [--quick] [--write]

`automl-sem --help` imports nothing heavy. `search --dry-run` loads the space, and with it
TensorFlow, as any search must. Both stand beside a bare Python and the bare import. A minute.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import Spread, alternate, arguments, publish, run_measured, table

AUTOML_SEM = str(Path(sys.executable).with_name("automl-sem"))
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import tensorflow'": [sys.executable, "-c", "import tensorflow"],
    "automl-sem --help": [AUTOML_SEM, "--help"],
    "automl-sem search shapes --dry-run": [AUTOML_SEM, "search", "shapes", "--dry-run"],
}


def main() -> None:
    """Measure, print, and write if asked to."""
    options = arguments(__doc__, rounds=9).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        actions = {
            name: lambda _, command=command: run_measured(command, cwd=Path(folder), every=60)
            for name, command in COMMANDS.items()
        }
        alternate(actions, 1)  # what the system caches, it caches here
        runs = alternate(actions, 1 if options.quick else options.rounds)
    rows = [
        {
            "command": f"`{name}`",
            "seconds": Spread.of([run.seconds for run in found]).text(2),
        }
        for name, found in runs.items()
    ]
    rounds = len(next(iter(runs.values())))
    text = f"# Start-up\n\nMedian (range) of {rounds} runs of each, alternating.\n\n{table(rows)}"
    publish(text, {name: [run.seconds for run in found] for name, found in runs.items()}, options)


if __name__ == "__main__":
    main()
