"""Which space and which data a person means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automl_sem.backend import use_tensorflow
from automl_sem.config import SearchOptions
from automl_sem.data import BUILTIN, Dataset, from_memory, load_dataset
from automl_sem.engines.make import choose_engine
from automl_sem.errors import Unlabelled, UserError
from automl_sem.scoring.gan.fakes import SHARES
from automl_sem.spaces.find import Target, default_space, find, find_space
from automl_sem.spaces.load import load_space
from automl_sem.spaces.space import Space
from automl_sem.types import DataInfo
from automl_sem.weights import weights_file

# Data in memory: arguments of `from_memory`, or what is loaded already.
InMemory = Mapping[str, Any] | Dataset
# What data are like that every GAN can draw.
DRAWABLE = DataInfo(kind="images", input_shape=(32, 32, 1), classes=1, n_train=100)


def resolve(
    options: SearchOptions, arrays: InMemory | None, given: Space | None = None
) -> tuple[Space, Dataset]:
    """Return space and dataset that the options mean.

    Args:
        options: What a person asked for.
        arrays: Data in memory, or None.
        given: A space in memory, or None.

    Raises:
        UserError: If there is no such space or dataset, or they do not fit.
    """
    space_path, data_name = _choose(options)
    choose_engine(options.engine, options.sampler, options.oracle)
    if space_path is None and data_name is None and arrays is None and given is None:
        raise UserError(
            "nothing to search", hint="Name a space or data, as in `automl-sem search shapes`"
        )
    weights = None if options.weights is None else str(weights_file(options.weights))
    use_tensorflow()
    space = load_space(space_path) if space_path else given
    try:
        dataset = _load(options, space, data_name, arrays)
    except Unlabelled:
        if space is None or not space.generates(DRAWABLE):
            raise
        dataset = _load(options, space, data_name, arrays, unlabelled=True)
    if space is None:
        path = default_space(dataset.source, dataset.info.kind)
        space = load_space(find_space("pretrained") if weights else path)
    if space.kind not in (None, dataset.info.kind):
        raise UserError(
            f"space {space.name!r} is for {space.kind}, but the data are {dataset.info.kind}",
            where=space.path,
            hint="Choose another --space or --data",
        )
    space = space.with_fixed(epochs=options.epochs, batch_size=options.batch_size)
    shares = () if options.augment_with is None else SHARES
    return space.with_weights(weights).with_shares(shares), dataset


def _load(
    options: SearchOptions,
    space: Space | None,
    data_name: str | None,
    arrays: InMemory | None,
    *,
    unlabelled: bool = False,
) -> Dataset:
    """Return the data, `unlabelled` without their classes.

    Raises:
        Unlabelled: If there are no classes to tell apart.
        UserError: If there are no such data, or they cannot be used.
    """
    if isinstance(arrays, Dataset):
        return arrays
    same: dict[str, Any] = {
        "kind": options.kind,
        "task": options.task,
        "seed": options.seed,
        "image_size": options.image_size,
        "pad": options.pad,
        "unlabelled": unlabelled,
    }
    if arrays is not None:
        return from_memory(**arrays, **same)
    source = data_name or (space.data if space else None)
    if source is None:
        hint = "Pass --data NAME_OR_PATH"
        if options.target and Path(options.target).is_dir():
            hint += f", or say ./{options.target} for the folder of that name"
        raise UserError("the space names no DATA", where=space and space.path, hint=hint)
    size = options.size
    if size is None and space is not None and source == space.data:
        size = space.size
    return load_dataset(
        source,
        size=size,
        groups=options.groups,
        skip_bad=options.skip_bad,
        frames=options.frames,
        rate=options.rate,
        **same,
    )


def _choose(options: SearchOptions) -> tuple[Path | None, str | None]:
    """Return the space file and the dataset that are named, each None where it is not."""
    target = Target(None, None)
    if options.target is not None:
        target = find(options.target, BUILTIN, data_only=options.space is not None)
    if target.data is not None and options.data is not None:
        raise UserError(
            f"two datasets are named, {target.data!r} and {options.data!r}",
            where="--data",
            hint="Name one, and the space with --space if it is not the default",
        )
    space = find_space(options.space) if options.space else target.space
    return space, options.data or target.data
