"""The cache of decoded examples: whole entries or none, within its limit, decoded once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from automl_sem.data import cache as module
from automl_sem.data import examples, images
from automl_sem.data.cache import ExampleCache, cache_key, write_npy
from automl_sem.data.dataset import HeldOutPart, TrainingPart, release_pages
from automl_sem.data.images import load_images
from automl_sem.data.load import load_dataset
from automl_sem.errors import UserError

KIB = 1024


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.delenv(module.LIMIT_VARIABLE, raising=False)
    yield tmp_path / "caches" / "automl-sem" / "examples"
    forget()


@pytest.fixture
def small_memory(monkeypatch):
    """Any examples are too large."""
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)


def forget():
    """Give up what this process uses, as its end would."""
    for descriptor in module._used.values():
        os.close(descriptor)
    module._used.clear()


@pytest.fixture
def drawings(tmp_path):
    root = tmp_path / "drawings"
    for label in ("cat", "dog"):
        for i in range(6):
            path = root / label / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            seed = [i, label == "dog"]
            pixels = np.random.default_rng(seed).integers(0, 256, (12 + i, 10, 3), np.uint8)
            Image.fromarray(pixels).save(path)
    return root


@pytest.fixture
def decoded(monkeypatch):
    """The files that were decoded, in order."""
    files = []
    decode = images.decode_image

    def counted(path, channels):
        files.append(path)
        return decode(path, channels)

    monkeypatch.setattr(images, "decode_image", counted)
    return files


def equal(ours, theirs):
    for part in ("train", "test"):
        mine, other = getattr(ours, part), getattr(theirs, part)
        np.testing.assert_array_equal(mine.x, other.x)
        np.testing.assert_array_equal(mine.y, other.y)
        assert mine.names == other.names
        assert mine.fingerprint() == other.fingerprint()
    assert (ours.class_names, ours.options) == (theirs.class_names, theirs.options)


def entry_of(folder):
    return next(path for path in folder.iterdir() if not path.name.startswith("."))


# Image folders larger than memory


@pytest.mark.parametrize("options", [{}, {"image_size": 16}, {"seed": 3}])
def test_images_through_the_cache_equal_those_in_memory(drawings, monkeypatch, options):
    in_memory = load_images(drawings, **options)
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    mapped = load_images(drawings, **options)
    equal(mapped, in_memory)
    assert isinstance(mapped.train.x, np.memmap)
    assert isinstance(mapped.test.x, np.memmap)
    assert not isinstance(in_memory.train.x, np.memmap)


def test_a_test_folder_is_kept_too(tmp_path, drawings, monkeypatch):
    arranged = tmp_path / "arranged"
    arranged.mkdir()
    drawings.rename(arranged / "train")
    (arranged / "test").mkdir()
    for label in ("cat", "dog"):
        (arranged / "test" / label).mkdir()
        (arranged / "train" / label / "0.png").rename(arranged / "test" / label / "0.png")
    in_memory = load_images(arranged)
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    equal(load_images(arranged), in_memory)


def test_each_part_is_one_whole_file(drawings, small_memory):
    dataset = load_images(drawings)
    for part in (dataset.train, dataset.test):
        np.testing.assert_array_equal(np.load(part.x.filename), part.x)


def test_a_note_says_where_they_are(drawings, small_memory, folder):
    notes = load_images(drawings).notes
    assert notes[-1] == f"examples: 0.0 GiB, kept in {entry_of(folder)}"
    assert any("split off" in note for note in notes)


def test_small_data_leaves_no_cache(drawings, folder):
    load_images(drawings)
    assert not folder.exists()


def test_only_more_than_its_share_of_memory_is_too_large(monkeypatch):
    monkeypatch.setattr(examples, "memory_limit", lambda: 400)
    assert [examples.too_large(size) for size in (100, 101)] == [False, True]


def test_a_second_load_decodes_nothing(drawings, small_memory, decoded):
    first = load_images(drawings)
    assert len(decoded) == 24  # looked into, then decoded
    decoded.clear()
    second = load_images(drawings)
    assert decoded == []
    equal(second, first)
    assert second.notes == first.notes


def test_with_more_memory_a_kept_entry_is_read_into_it(drawings, monkeypatch, decoded):
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.0)
    mapped = load_images(drawings)
    monkeypatch.setattr(examples, "SHARE_OF_MEMORY", 0.25)
    decoded.clear()
    in_memory = load_images(drawings)
    assert decoded == []
    assert not isinstance(in_memory.train.x, np.memmap)
    equal(in_memory, mapped)


def test_unreadable_images_are_remembered(drawings, small_memory, decoded):
    (drawings / "cat" / "3.png").write_bytes(b"torn")
    first = load_images(drawings, skip_bad=True)
    decoded.clear()
    second = load_images(drawings, skip_bad=True)
    assert decoded == []
    assert second.notes == first.notes
    assert any("unreadable" in note for note in first.notes)
    with pytest.raises(UserError, match="cannot be read as an image"):
        load_images(drawings)


def test_a_changed_file_is_decoded_again(drawings, small_memory, decoded):
    before = load_images(drawings).train.fingerprint()
    path = drawings / "cat" / "1.png"
    Image.fromarray(np.zeros((13, 10, 3), np.uint8)).save(path)
    os.utime(path, ns=(1, 1))
    decoded.clear()
    assert load_images(drawings).train.fingerprint() != before
    assert len(decoded) == 24


@pytest.mark.parametrize("change", [{"image_size": 16}, {"seed": 4}])
def test_other_options_are_another_entry(drawings, small_memory, folder, change):
    load_images(drawings)
    load_images(drawings, **change)
    assert len(list(folder.iterdir())) == 2


# Whole entries or none


def damage_size(entry):
    os.truncate(entry / "x_train.npy", 200)


def damage_record(entry):
    (entry / "entry.json").write_text('{"files": {')


def damage_missing(entry):
    (entry / "x_test.npy").unlink()


def damage_no_record(entry):
    (entry / "entry.json").unlink()


def damage_no_lock(entry):
    (entry / "used").unlink()


@pytest.mark.parametrize(
    "damage", [damage_size, damage_record, damage_missing, damage_no_record, damage_no_lock]
)
def test_a_damaged_entry_is_made_again(drawings, small_memory, folder, decoded, damage):
    first = load_images(drawings)
    kept = replace(first.train, x=np.array(first.train.x))
    damage(entry_of(folder))
    forget()
    decoded.clear()
    again = load_images(drawings)
    assert len(decoded) == 24
    np.testing.assert_array_equal(again.train.x, kept.x)


def test_a_failure_leaves_nothing(folder):
    def write(half):
        write_npy(half / "x_train.npy", (4, 2), [np.zeros((2, 2), np.uint8)])

    with pytest.raises(ValueError, match="should have 4 rows but got 2"):
        ExampleCache().make("key", 8, write)
    assert list(folder.iterdir()) == []
    assert ExampleCache().find("key") is None


KILLED = """
import os, sys
from automl_sem.data.cache import ExampleCache

def write(half):
    (half / "x_train.npy").write_bytes(b"half")
    os._exit(9)

ExampleCache().make("key", 8, write)
"""


def test_a_kill_leaves_no_entry_and_what_it_leaves_is_swept(folder, monkeypatch):
    subprocess.run([sys.executable, "-c", KILLED], check=False)
    (half,) = folder.iterdir()
    assert ExampleCache().find("key") is None
    make("other", 100)
    assert half.exists()  # too young to be sure
    monkeypatch.setattr(module, "ABANDONED_S", -1.0)
    make("another", 100)
    assert not half.exists()


def test_the_faster_process_wins(folder):
    def write(half):
        make("key", 10, fill=1)  # meanwhile, elsewhere
        return fill_entry(half, 10, 2)

    entry = ExampleCache().make("key", 10, write)
    assert entry.open("x_train")[0] == 1
    assert [path.name for path in folder.iterdir()] == ["key"]


# The limit


def fill_entry(half, size, fill=0):
    write_npy(half / "x_train.npy", (size,), [np.full(size, fill, np.uint8)])
    return {"of": fill}


def make(key, size, limit=None, fill=0):
    return ExampleCache(limit=limit).make(key, size, lambda half: fill_entry(half, size, fill))


def bytes_of(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_the_least_recently_used_entries_go_first(folder):
    for number, key in enumerate("abc"):
        make(key, 10 * KIB)
        os.utime(folder / key / "used", (number, number))
    forget()
    assert ExampleCache().find("a") is not None  # used again: now b is the oldest
    forget()
    make("d", 10 * KIB, limit=40 * KIB)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "c", "d"]


def test_the_limit_is_kept(folder):
    for number in range(12):
        make(f"entry{number}", 10 * KIB, limit=35 * KIB)
        forget()
        assert bytes_of(folder) <= 36 * KIB  # the records take some bytes more
    assert len(list(folder.iterdir())) == 3


def test_an_entry_in_use_stays(folder):
    make("a", 10 * KIB)
    with pytest.raises(UserError, match="of them in use"):
        make("b", 10 * KIB, limit=15 * KIB)
    assert ExampleCache().find("a").open("x_train").shape == (10 * KIB,)
    forget()
    make("b", 10 * KIB, limit=15 * KIB)
    assert ExampleCache().find("a") is None


IN_USE = """
import sys
from automl_sem.data.cache import ExampleCache
assert ExampleCache().find("a") is not None
print("found", flush=True)
sys.stdin.read()
"""


def test_an_entry_that_another_process_uses_stays(folder):
    make("a", 10 * KIB)
    forget()
    command = [sys.executable, "-c", IN_USE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"found\n"
        with pytest.raises(UserError, match="of them in use"):
            make("b", 10 * KIB, limit=15 * KIB)
        other.stdin.close()
        other.wait()
    make("b", 10 * KIB, limit=15 * KIB)


def test_the_limit_comes_from_the_environment(monkeypatch, drawings, small_memory):
    monkeypatch.setenv(module.LIMIT_VARIABLE, "0.000001")
    with pytest.raises(UserError) as caught:
        load_images(drawings)
    assert "but the cache may have 0.0 GiB" in str(caught.value)
    assert module.LIMIT_VARIABLE in caught.value.hint
    assert "take fewer examples or smaller ones" in caught.value.hint  # these may be series, too


@pytest.mark.parametrize("text", ["lots", "-1", "0", "inf", "nan"])
def test_a_limit_that_is_no_number_is_refused(monkeypatch, text):
    monkeypatch.setenv(module.LIMIT_VARIABLE, text)
    with pytest.raises(UserError, match="must be a number of GiB above 0"):
        make("key", 10)


def test_a_full_disk_is_one_line(monkeypatch):
    usage = module.shutil.disk_usage("/")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=5))
    with pytest.raises(UserError, match="of the disk are free"):
        make("key", 10)


def test_a_cache_that_cannot_be_written_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match="cannot write"):
        make("key", 10)


def test_facts_come_back_as_they_were_told(folder):
    assert make("key", 10, fill=3).facts == ExampleCache().find("key").facts == {"of": 3}
    assert json.loads((folder / "key" / "entry.json").read_text())["files"] == {"x_train.npy": 138}


def test_the_key_follows_names_sizes_dates_order_and_options(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    for path in (a, b):
        path.write_text("x")
        os.utime(path, ns=(5, 5))
    keys = [cache_key([a, b], {}), cache_key([b, a], {}), cache_key([a], {})]
    keys.append(cache_key([a, b], {"image_size": 8}))
    os.utime(a, ns=(5, 6))
    keys.append(cache_key([a, b], {}))
    a.write_text("xy")
    os.utime(a, ns=(5, 6))
    keys.append(cache_key([a, b], {}))
    assert len(set(keys)) == len(keys)
    assert cache_key([a, b], {}) == keys[-1]


# Fingerprints


@pytest.mark.parametrize("n", [0, 1, 7, 50])
def test_fingerprints_are_those_of_the_whole_array(monkeypatch, n):
    x = np.random.default_rng(0).integers(0, 256, (n, 8, 8, 1), np.uint8)
    y = np.arange(n)
    digest = hashlib.sha256()
    for array in (x, y):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    for size in (1, 100, 2**24):
        monkeypatch.setattr("automl_sem.data.dataset.DIGEST_BYTES", size)
        assert HeldOutPart(x, y, ("",) * n).fingerprint() == digest.hexdigest()
    digest.update(b"a\0b")
    assert TrainingPart(x, y, ("",) * n, ("a", "b")).fingerprint() == digest.hexdigest()


def test_a_fingerprint_reads_a_mapped_array_piece_by_piece(monkeypatch, tmp_path):
    x = np.zeros((50, 8, 8, 1), np.uint8)
    write_npy(tmp_path / "x.npy", x.shape, [x])
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    sizes = []
    contiguous = np.ascontiguousarray

    def counted(array):
        sizes.append(len(array))
        return contiguous(array)

    monkeypatch.setattr("automl_sem.data.dataset.DIGEST_BYTES", 640)
    monkeypatch.setattr(np, "ascontiguousarray", counted)
    HeldOutPart(mapped, np.arange(50), ("",) * 50).fingerprint()
    assert sizes[:5] == [10] * 5


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_pages_that_were_read_do_not_count_as_memory(tmp_path):
    def resident():
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))

    x = np.ones((32, 2**20), np.uint8)  # 32 MiB
    write_npy(tmp_path / "x.npy", x.shape, [x])
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    before = resident()
    assert mapped.sum() == x.sum()
    assert resident() > before + 24 * KIB  # in KiB: read, they do
    release_pages(mapped)
    assert resident() < before + 4 * KIB
    HeldOutPart(mapped, np.arange(32), ("",) * 32).fingerprint()
    assert resident() < before + 4 * KIB
    assert mapped.sum() == x.sum()


def test_changes_to_a_private_mapping_stay(tmp_path):
    write_npy(tmp_path / "x.npy", (4, 4096), [np.zeros((4, 4096), np.uint8)])
    private = np.load(tmp_path / "x.npy", mmap_mode="c")
    private[2] = 7
    release_pages(private)
    assert private[2, 0] == 7


def test_it_loads_again_from_source_and_options(drawings, small_memory):
    dataset = load_dataset(str(drawings), image_size=16, seed=2)
    equal(load_dataset(dataset.source, **dataset.options), dataset)
    assert Path(dataset.source) == drawings
