"""Keys: for this user only, and plain words when the file is damaged."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from faceloop.device.key_store import KeyStore
from faceloop.errors import StorageError

DEVICE, OTHER = bytes(range(8)), bytes(range(8, 16))
KEY = bytes(range(100, 116))


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "config" / "keys.json")


def test_key_and_its_folder_are_for_this_user_only(store: KeyStore) -> None:
    store.put(DEVICE, KEY)
    assert store.get(DEVICE) == KEY
    assert store.get(OTHER) is None
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("text", ["zz" * 16, "00", "", "0" * 31, "ключ" * 8])
def test_damaged_key_is_named_with_file_line_and_remedy(store: KeyStore, text: str) -> None:
    store.put(OTHER, KEY)
    store.put(DEVICE, KEY)
    keys = json.loads(store.path.read_text())
    keys[DEVICE.hex()] = text
    store.path.write_text(json.dumps(keys, indent=1))
    line = next(
        i for i, row in enumerate(store.path.read_text().splitlines(), 1) if DEVICE.hex() in row
    )
    with pytest.raises(StorageError) as caught:
        store.get(DEVICE)
    sentence = str(caught.value)
    assert sentence.startswith(f"Line {line} of {store.path} ")
    assert "faceloop pair" in sentence
    assert text not in sentence or not text, "no part of a key is shown"
    assert store.get(OTHER) == KEY, "the other boards are not concerned"
    store.put(DEVICE, KEY)
    assert store.get(DEVICE) == KEY, "pairing again mends it"


@pytest.mark.parametrize("text", ["", "[]", '"x"', "{", "\x00"])
def test_file_that_is_none_of_ours_is_refused(store: KeyStore, text: str) -> None:
    store.path.parent.mkdir()
    store.path.write_text(text)
    with pytest.raises(StorageError, match="cannot be read"):
        store.get(DEVICE)
