"""The command line: parse, call, print.

Exit codes: 0 done; 1 finished with a negative result; 2 wrong use, bad configuration
or data, unknown run; 3 a defect of ours; 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from automl_sem.cli import exporting, looking, searching, settings, spaces
from automl_sem.cli.usage import is_usage_error, one_line_of
from automl_sem.errors import AutomlSemError
from automl_sem.files import disk_error

app = typer.Typer(
    name="automl-sem",
    help="Search neural network architectures with honest k-fold scores; "
    "retrain, export and explain the best.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="First steps: automl-sem search shapes, then automl-sem export --best.",
)

# Full, over quota, read-only, forbidden, worn out: what a person can do something about.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO)


def main() -> None:
    """Run the command line and turn errors into one line and an exit code."""
    if sys.platform == "win32":
        _fail("automl-sem runs on Linux and macOS; on Windows use it in WSL2", 2)
    try:
        sys.exit(_run())
    except AutomlSemError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            _fail(f"{str(error.filename)[:60]}...: this name is too long for a file", 2)
        if error.errno not in DISK_ERRORS:
            _defect(error)
        _fail(str(disk_error(error, Path.cwd())), 2)
    except Exception as error:
        _defect(error)


def _run() -> int:
    """Run the command and return its exit code, with wrong use as a UserError."""
    try:
        code = app(standalone_mode=False)
    except Exception as error:
        if not is_usage_error(error):
            raise
        raise one_line_of(error) from None
    return code if isinstance(code, int) else 0


def _defect(error: Exception) -> NoReturn:
    traceback.print_exc()
    _fail(f"a defect of automl-sem, please report it: {type(error).__name__}: {error}", 3)


def _fail(line: str, code: int) -> NoReturn:
    print(f"error: {line}" if code != 130 else line, file=sys.stderr)
    sys.exit(code)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from automl_sem import __version__

        print(f"automl-sem {__version__}")
        raise typer.Exit
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115
    if context.invoked_subcommand is None:
        print(context.get_help())


for command in (
    searching.search,
    searching.resume,
    exporting.export,
    exporting.predict,
    exporting.generate,
    looking.data,
    looking.report,
    looking.show,
    looking.runs,
    spaces.init,
    looking.doctor,
):
    app.command()(command)
app.add_typer(spaces.app, name="spaces")
app.add_typer(settings.app, name="config")
