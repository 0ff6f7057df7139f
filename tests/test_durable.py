"""A file is the old one or the new one, whole, whatever happens."""

import errno
import os
import re
import sys
from pathlib import Path

import pytest

from nnplug import durable
from nnplug.durable import Disk, NewFile, is_temporary, write_file
from nnplug.errors import StorageError
from tests.reliability.disks import (
    ERRNOS,
    CountingDisk,
    FaultyDisk,
    LosingDisk,
    PowerLossError,
    ShortDisk,
    put,
)

OLD, NEW = b"the old bytes", b"the new bytes, which are more" * 100


def calls(path):
    """What a write calls, in order."""
    disk = CountingDisk()
    write_file(path, NEW, overwrite=True, disk=disk)
    return disk.calls


def test_a_file_is_written_synced_renamed_and_its_folder_synced(tmp_path):
    path = tmp_path / "file"
    assert calls(path) == ["create", "write", "sync", "close", "replace", "sync_folder"]
    assert path.read_bytes() == NEW
    assert list(tmp_path.iterdir()) == [path]


def test_pieces_and_short_writes_are_put_together(tmp_path):
    path = tmp_path / "file"
    with NewFile(path, disk=ShortDisk(most=7)) as file:
        for start in range(0, len(NEW), 100):
            file.write(NEW[start : start + 100])
            assert not path.exists()
    assert path.read_bytes() == NEW


def test_what_is_there_is_overwritten_only_if_that_is_said(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(OLD)
    with pytest.raises(StorageError) as caught:
        write_file(path, NEW)
    assert str(caught.value) == (
        f"{path}: there is such a file already, and it is not overwritten.\n"
        "Choose another name, or say that it may be: overwrite=True, on the command line "
        "--overwrite."
    )
    assert path.read_bytes() == OLD
    write_file(path, NEW, overwrite=True)
    assert path.read_bytes() == NEW


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "file"

    class Late(Disk):
        def close(self, file):
            super().close(file)
            path.write_bytes(OLD)

    with pytest.raises(StorageError, match="there is such a file already"):
        write_file(path, NEW, disk=Late())
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_an_exception_within_leaves_nothing(tmp_path):
    class Interrupted(Disk):
        def write(self, file, data):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "file", NEW, disk=Interrupted())
    assert not list(tmp_path.iterdir())


def test_a_link_stays_and_what_it_names_is_written(tmp_path):
    (tmp_path / "real").write_bytes(OLD)
    link = tmp_path / "link"
    link.symlink_to("real")
    write_file(link, NEW, overwrite=True)
    assert link.is_symlink()
    assert (tmp_path / "real").read_bytes() == NEW


def test_a_new_file_has_the_rights_of_any_new_file(tmp_path):
    (tmp_path / "other").write_bytes(b"")
    write_file(tmp_path / "file", NEW)
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_another_library_may_write_the_temporary_file(tmp_path):
    with NewFile(tmp_path / "file") as file:
        file.temporary.write_bytes(NEW)
    assert (tmp_path / "file").read_bytes() == NEW


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/file", "No such file or directory (ENOENT), while making a temporary file"),
        ("file/file", "Not a directory (ENOTDIR), while making a temporary file"),
        ("", "is a folder. Give a file's name."),
        ("n" * 300, "File name too long (ENAMETOOLONG), while looking at what is there."),
    ],
)
def test_a_path_that_cannot_be_says_why(tmp_path, name, message):
    (tmp_path / "file").write_bytes(OLD)
    with pytest.raises(StorageError) as caught:
        write_file(tmp_path / name, NEW)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert message in str(caught.value)


def test_the_message_has_path_error_state_and_way_out(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(StorageError) as caught:
        write_file(path, NEW, disk=FaultyDisk(2, errno.ENOSPC))
    assert str(caught.value) == (
        f"{path}: cannot be written: No space left on device (ENOSPC), while syncing.\n"
        "What was there before is as it was. Free some space, or choose a folder on another disk."
    )
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("error", ERRNOS, ids=errno.errorcode.get)
@pytest.mark.parametrize("before", [None, OLD], ids=["new", "overwritten"])
def test_an_error_at_any_call_leaves_the_file_that_was_there(tmp_path, error, before):
    path = tmp_path / "file"
    wanted = calls(tmp_path / "measured")
    (tmp_path / "measured").unlink()
    for k, name in enumerate(wanted):
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
        with pytest.raises(StorageError) as caught:
            write_file(path, NEW, overwrite=True, disk=FaultyDisk(k, error))
        message = str(caught.value)
        assert message.startswith(f"{path}: cannot be written: {os.strerror(error)} ("), name
        assert errno.errorcode[error] in message
        assert not any(map(is_temporary, tmp_path.iterdir())), name
        found = path.read_bytes() if path.exists() else None
        if name == "sync_folder":  # the rename is done; only its lasting is uncertain
            assert found == NEW
            assert "in place and whole, but a loss of power may undo that" in message
        else:
            assert found == before, name
            assert "What was there before is as it was." in message


@pytest.mark.parametrize("after", range(5))
def test_a_device_that_takes_nothing_more_is_an_error_and_no_endless_loop(tmp_path, after):
    path = tmp_path / "file"
    path.write_bytes(OLD)
    with pytest.raises(StorageError, match=r"Input/output error \(EIO\), while writing"):
        write_file(path, NEW, overwrite=True, disk=ShortDisk(10, stops_after=after))
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_a_temporary_file_that_cannot_be_removed_is_named(tmp_path):
    class Stuck(FaultyDisk):
        def remove(self, path):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with pytest.raises(StorageError) as caught:
        write_file(tmp_path / "file", NEW, disk=Stuck(1, errno.EIO))
    (left,) = tmp_path.iterdir()
    assert is_temporary(left)
    assert str(caught.value).endswith(
        f"The temporary file {left} is left: Read-only file system (EROFS)."
    )


def test_a_sync_that_failed_is_not_tried_again(tmp_path):
    class Forgetful(CountingDisk):
        """As the kernel is: the second sync says that all is well."""

        def sync(self, file):
            super().sync(file)
            if self.calls.count("sync") == 1:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    disk = Forgetful()
    with pytest.raises(StorageError):
        write_file(tmp_path / "file", NEW, disk=disk)
    assert disk.calls == ["create", "write", "sync", "close", "remove"]


# --- loss of power ------------------------------------------------------------------


def after_power_loss(folder: Path, write=write_file, overwrite=True):
    """Lose power at each call of a write; give every state that may be found, and when."""
    for k in range(100):
        put(folder, {"file": OLD})
        disk = LosingDisk(folder, k)
        try:
            write(folder / "file", NEW, overwrite=overwrite, disk=disk)
            done = True
        except PowerLossError:
            done = False
        for state in disk.survivors():
            yield done, state
        if done:
            return
    raise AssertionError("the write never ended")


def faults(states):
    """What a reader would have to say of some of the states."""
    found = set()
    for done, state in states:
        others = [name for name in state if name != "file" and not is_temporary(Path(name))]
        if others:
            found.add("another file")
        if state.get("file") not in (OLD, NEW):
            found.add("neither old nor new")
        if done and state.get("file") != NEW:
            found.add("lost")
    return found


def test_after_a_loss_of_power_the_file_is_the_old_or_the_new_one(tmp_path):
    states = list(after_power_loss(tmp_path / "folder"))
    assert len(states) > 10
    assert faults(states) == set()


@pytest.mark.parametrize(
    ("line", "instead", "found"),
    [
        ("self.disk.sync(file)", "pass", "neither old nor new"),
        ("self.disk.sync_folder(self._target.parent)", "pass", "lost"),
        (
            "self.disk.replace(self.temporary, self._target)",
            "self._copy_over()",
            "neither old nor new",
        ),
        ("self.disk.replace(self.temporary, self._target)", "pass", "lost"),
    ],
)
def test_without_any_of_its_steps_a_loss_of_power_is_seen(tmp_path, line, instead, found):
    source = Path(durable.__file__).read_text(encoding="utf-8")
    assert source.count(f" {line}\n") == 1
    mutant = {"__name__": "mutant"}
    exec(compile(source.replace(f" {line}\n", f" {instead}\n"), "mutant.py", "exec"), mutant)

    def copy_over(self):
        """Write into the old file, as a program does that knows no better."""
        self.disk.remove(self._target)
        file = self.disk.create(self._target)
        self.disk.write(file, memoryview(self.temporary.read_bytes()))
        self.disk.close(file)
        self.disk.remove(self.temporary)

    mutant["NewFile"]._copy_over = copy_over
    assert found in faults(after_power_loss(tmp_path / "folder", mutant["write_file"]))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems sync by other calls")
def test_the_operating_system_is_asked_to_sync_the_file_and_then_its_folder(tmp_path, monkeypatch):
    synced = []
    real = os.fsync

    def fsync(file):
        synced.append(Path(f"/proc/self/fd/{file}").readlink())
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    durable.write_file(tmp_path / "file", b"bytes")
    file, folder = synced
    assert (file.parent, folder) == (tmp_path, tmp_path)


def test_the_temporary_file_is_told_by_its_name(tmp_path):
    with NewFile(tmp_path / "file") as file:
        assert is_temporary(file.temporary)
        assert file.temporary.parent == tmp_path
        assert re.fullmatch(r"\.nnplug-[0-9a-f]{12}\.tmp", file.temporary.name)
    assert not is_temporary(tmp_path / "file")
    assert isinstance(file.disk, Disk)
