"""The run directory: everything about one search, written so that a crash loses nothing.

runs/20261123-1412-shapes/
  run.json        options, versions, machine, data fingerprint, seed; written once
  space.py        snapshot of the space
  gan_space.py    that of the GAN which draws images for classifiers to learn from
  objective-0.py  copy of the file with a person's own metric
  splits.npz      fold number of every training row, for the search and for fresh folds
  data.npz        the examples, only when they came from arrays in Python
  workers.log     what worker processes printed
  study.journal   Optuna's journal: the one record of all trials
  folds/T/F.npz   predictions, or what a GAN drew, and curve of trial T, fold F (fresh/T/F.npz:
                  finalists; fresh-again/T/F.npz: GANs among them with a second seed)
  stress/KIND-with/T/F.npz  stress.json  whether labels survive the stress that was asked for
  judges/         of GANs: the networks whose features say how good their images are
  drawn/          what that GAN drew, for each fold
  fakes/with/T/F.npz (fakes/without: likewise)  fakes.json  whether it helped
  finalists.json  result.json  test_looks.jsonl  architecture.json
  checkpoints/  export/NAME/  report.html  run.log
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import shutil
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.errors import UserError
from automl_sem.files import disk_error, save_npz, sync, write_atomic
from automl_sem.manifest import SCHEMA_VERSION, Manifest
from automl_sem.scoring.kept import from_arrays, to_arrays
from automl_sem.types import AnyFold, Ints

# Of fold results: those of the search, of the finalists and of their second seed, or
# `stress/KIND-with` and `stress/KIND-without` of the check whether labels survive a stress,
# `fakes/with` and `fakes/without` of that whether fakes help.
Stage = str
TORN = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError)
STUDY_NAME = "automl-sem"
GAN_SPACE = "gan_space.py"


class RunDirectory:
    """One search on disk.

    Args:
        path: The run directory, which must hold a `run.json`.

    Raises:
        UserError: If there is no run, or it was written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        try:
            text = (self.path / "run.json").read_text(encoding="utf-8")
            self.manifest = Manifest.model_validate_json(text)
        except FileNotFoundError as error:
            hint = "`automl-sem runs` lists the runs here"
            raise UserError("not a run directory (no run.json)", where=path, hint=hint) from error
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"cannot read run.json: {reason}", where=path) from error
        if self.manifest.schema_version > SCHEMA_VERSION:
            raise UserError(
                "the run was written by a newer version of automl-sem",
                where=path,
                hint="Upgrade: pip install -U automl-sem",
            )

    @classmethod
    def create(
        cls,
        path: Path,
        manifest: Manifest,
        space_source: str,
        splits: Mapping[str, NDArray[Any]],
        arrays: Mapping[str, NDArray[Any]] | None = None,
        gan_source: str | None = None,
        files: Mapping[str, str] | None = None,
    ) -> RunDirectory:
        """Write a new run at once: the directory appears complete or not at all.

        Raises:
            UserError: If the directory is not empty or cannot be written.
        """
        path = path.expanduser().resolve()
        check_free(path)
        new = not path.exists()
        folder = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if new:
                folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
                folder.chmod(0o755)
            (folder / "space.py").write_text(space_source, encoding="utf-8")
            for name, text in (files or {}).items():
                (folder / name).write_text(text, encoding="utf-8")
            if gan_source is not None:
                (folder / GAN_SPACE).write_text(gan_source, encoding="utf-8")
            save_npz(folder / "splits.npz", splits)
            if arrays is not None:
                save_npz(folder / "data.npz", arrays)
            write_atomic(folder / "run.json", manifest.model_dump_json(indent=2).encode())
            if new:
                folder.rename(path)
        except OSError as error:
            if new and folder != path:
                shutil.rmtree(folder, ignore_errors=True)
            elif not new:  # an empty directory that was there before: perhaps a mount point
                for file in path.iterdir():
                    file.unlink(missing_ok=True)
            raise disk_error(error, path, go_on="the same command") from error
        return cls(path)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for writing; released by the system when the process dies.

        Raises:
            UserError: If another process holds it.
        """
        try:
            file = (self.path / "run.lock").open("a+")
        except OSError as error:
            raise disk_error(error, self.path) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                raise UserError(
                    f"the run is in use by another process (pid {holder})",
                    where=self.path,
                    hint="Wait for it to end or stop it, then try again",
                ) from error
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def open_study(self) -> Any:
        """Open the study for writing; call it with the lock held.

        A last line torn by a crash is cut off, since the next append would glue onto it.
        """
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        journal = self.path / "study.journal"
        try:
            _cut_torn_line(journal)
            lock: Any = FileLock(self.path / "study.lock")
            backend = JournalFileBackend(str(journal), lock_obj=lock)
            study = optuna.create_study(
                study_name=STUDY_NAME,
                storage=JournalStorage(backend),
                directions=[goal.direction for goal in self.manifest.goals],
                load_if_exists=True,
            )
            _name_values(study, [goal.name for goal in self.manifest.goals])
            return study
        except OSError as error:
            raise disk_error(error, self.path) from error

    def read_study(self) -> Any | None:
        """Return the study, to read only; None before the first trial."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            return optuna.load_study(study_name=STUDY_NAME, storage=self.read_storage())
        except KeyError:
            return None

    def read_storage(self) -> Any:
        """Return the storage of the study, to read only.

        It follows a search that is under way, and never writes to its run.
        """
        from optuna.storages import JournalStorage

        from automl_sem.journal import ReadOnlyJournal

        return JournalStorage(ReadOnlyJournal(self.path / "study.journal"))

    def splits(self, stage: Stage) -> Ints:
        """Return the fold number of every training row, (n,)."""
        with np.load(self.path / "splits.npz") as file:
            return file[stage].astype(np.int64)  # type: ignore[no-any-return]

    def write_fold(self, trial: int, result: AnyFold, stage: Stage = "search") -> None:
        """Save a fold fit, so that it outlives this process; `sync_folds` does the rest."""
        path = self._fold_path(trial, result.fold, stage)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_npz(path, to_arrays(result), durable=False)
        except OSError as error:
            raise disk_error(error, self.path) from error

    def sync_folds(self, trial: int, stage: Stage = "search") -> None:
        """Wait until all fold fits of a trial are on the disk, to outlive a power cut."""
        folder = self._fold_path(trial, 0, stage).parent
        try:
            for path in [*folder.glob("*.npz"), folder] if folder.exists() else []:
                sync(path)
        except OSError as error:
            raise disk_error(error, self.path) from error

    def read_folds(self, trial: int, stage: Stage = "search") -> dict[int, AnyFold]:
        """Return the finished fold fits of a trial: fold number -> result.

        A file that a power cut left empty or torn counts as not there.
        """
        folder = self._fold_path(trial, 0, stage).parent
        found = {}
        for fold in sorted(int(p.stem) for p in folder.glob("*.npz") if p.stem.isdigit()):
            with contextlib.suppress(*TORN):
                found[fold] = self._read_fold(trial, fold, stage)
        return found

    def _read_fold(self, trial: int, fold: int, stage: Stage) -> AnyFold:
        with np.load(self._fold_path(trial, fold, stage)) as file:
            return from_arrays(fold, file)

    def _fold_path(self, trial: int, fold: int, stage: Stage) -> Path:
        folder = "folds" if stage == "search" else stage
        return self.path / folder / str(trial) / f"{fold}.npz"

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write a JSON file of the run atomically."""
        text = json.dumps(value, indent=2, allow_nan=False)
        try:
            write_atomic(self.path / name, text.encode())
        except OSError as error:
            raise disk_error(error, self.path) from error

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Return a JSON file of the run, or None if it is not there."""
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))  # type: ignore[no-any-return]
        except FileNotFoundError:
            return None

    def log(self, line: str) -> None:
        """Append a line to `run.log` with the time."""
        with (self.path / "run.log").open("a", encoding="utf-8") as file:
            file.write(f"{now()} {line}\n")

    def record_test_look(self, **what: Any) -> int:
        """Count a look at the held-out test set; return how many there were with this one."""
        path = self.path / "test_looks.jsonl"
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": now(), **what}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        return self.test_looks()

    def test_looks(self) -> int:
        """Return how often the held-out test set was looked at."""
        path = self.path / "test_looks.jsonl"
        return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


class FileLock:
    """A journal lock for Optuna that a crash does not leave behind (`flock`).

    Args:
        path: The lock file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: io.TextIOWrapper | None = None

    def acquire(self) -> bool:
        """Wait for the lock and take it."""
        self._file = self._path.open("a")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.close()
            self._file = None


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def check_free(path: Path) -> None:
    """Raise a UserError if a new run cannot go to `path`, because something is there."""
    if (path / "run.json").exists():
        hint = f"Go on with `automl-sem resume {path}`, or choose another --out"
        raise UserError("there is a run here already", where=path, hint=hint)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(
            "the output directory exists and is not empty",
            where=path,
            hint="Choose another --out; nothing is overwritten",
        )


def _name_values(study: Any, names: list[str]) -> None:
    """Name the values of a study, so that Optuna's own tools show what they are."""
    if study.metric_names is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that names are a new thing in Optuna
            study.set_metric_names(names)


def _cut_torn_line(path: Path) -> None:
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())
