"""The identity secret: from settings, or made once and kept to itself."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gateway.config import IdentityConfig, load_config
from gateway.errors import ConfigError
from gateway.secret import FILE, SIZE, identity_secret, made_secret


def settings(state_dir: Path, **options: str) -> IdentityConfig:
    given = {f"identity.{name}": value for name, value in options.items()}
    return load_config(None, {"identity.state_dir": str(state_dir), **given}, {}).identity


def test_a_secret_from_the_settings_is_used_and_nothing_is_written(tmp_path: Path) -> None:
    first = identity_secret(settings(tmp_path, secret="a secret of some length"))
    again = identity_secret(settings(tmp_path / "elsewhere", secret="a secret of some length"))
    other = identity_secret(settings(tmp_path, secret="another secret of some length"))
    assert first == again != other
    assert len(first) == SIZE
    assert not list(tmp_path.iterdir())


def test_a_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "var"
    secret = identity_secret(settings(directory))
    assert len(secret) == SIZE
    assert identity_secret(settings(directory)) == secret
    assert [path.name for path in directory.iterdir()] == [FILE]
    assert (directory / FILE).stat().st_mode & 0o777 == 0o600


def test_a_copy_of_a_made_secret_is_known_by_its_content(tmp_path: Path) -> None:
    secret = identity_secret(settings(tmp_path))
    copy = tmp_path / "copy"
    copy.write_bytes(secret)
    assert made_secret(copy) == secret
    copy.write_bytes(b"\xff")
    assert made_secret(copy) is None
    copy.write_text("a secret that somebody wrote down")
    assert made_secret(copy) is None
    assert made_secret(tmp_path / "none") is None


def test_two_directories_have_two_secrets(tmp_path: Path) -> None:
    assert identity_secret(settings(tmp_path / "a")) != identity_secret(settings(tmp_path / "b"))


def test_creators_at_the_same_time_agree(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    secrets: list[bytes] = []

    def create() -> None:
        barrier.wait()
        secrets.append(identity_secret(settings(tmp_path / "var")))

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(secrets) == 8
    assert len(set(secrets)) == 1
    assert [path.name for path in (tmp_path / "var").iterdir()] == [FILE]


def test_who_comes_second_takes_the_secret_of_who_was_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE).write_bytes(b"1" * SIZE)
    # As if the file had appeared between the look and the creation.
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert identity_secret(settings(tmp_path)) == b"1" * SIZE
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_file_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"short")
    with pytest.raises(ConfigError, match=f"{FILE}: error: holds 5 bytes, not 32; remove it"):
        identity_secret(settings(tmp_path))


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be kept here: Not a directory; set identity\.secret"):
        identity_secret(settings(tmp_path / "file" / "var"))
