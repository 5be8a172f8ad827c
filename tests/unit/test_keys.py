"""Keys live outside the project, are private, and are never made, shown or replaced on the way."""

from __future__ import annotations

import json
import os
import pickle
import sys
import traceback
import types
from datetime import date
from pathlib import Path

import pytest

from analytics.errors import ArchiveError, KeyringError
from analytics.privacy import keys


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "keys" / "wuhan"


def test_created_ring_is_private_and_opens_again(place):
    ring = keys.create("wuhan")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (place, *place.iterdir())}
    assert modes.pop("wuhan") == 0o700
    assert set(modes.values()) == {0o600}
    assert keys.load("wuhan").fingerprint == ring.fingerprint


def test_no_key_is_an_error_and_makes_none(place):
    with pytest.raises(KeyringError, match="has no keys"):
        keys.load("wuhan")
    assert not place.exists()


def test_create_never_overwrites(place):
    ring = keys.create("wuhan")
    before = (place / "ring.json").read_bytes()
    with pytest.raises(KeyringError, match="already"):
        keys.create("wuhan")
    assert (place / "ring.json").read_bytes() == before
    assert keys.load("wuhan").root == ring.root


@pytest.mark.parametrize(
    ("what", "mode"), [("", 0o750), ("", 0o701), ("ring.json", 0o640), ("ring.json", 0o604)]
)
@pytest.mark.fault("key world-readable", "keys", "refused, exit code 20")
def test_keys_others_can_reach_are_refused(place, what, mode):
    keys.create("wuhan")
    (place / what).chmod(mode)
    with pytest.raises(KeyringError, match=f"{mode:04o}"):
        keys.load("wuhan")


def test_world_readable_period_keys_are_refused(place):
    ring = keys.create("wuhan")
    (place / "periods-1.json").chmod(0o644)
    with pytest.raises(KeyringError, match="0644"):
        keys.period_key(ring, date(2020, 2, 1), make=True)


def test_a_link_in_the_ring_s_place_is_refused(place, tmp_path):
    keys.create("wuhan")
    (place / "ring.json").rename(tmp_path / "elsewhere")
    (place / "ring.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyringError, match="link"):
        keys.load("wuhan")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_owner_is_refused(place):
    keys.create("wuhan")
    os.chown(place / "ring.json", 12345, -1)
    with pytest.raises(KeyringError, match="belongs to user 12345"):
        keys.load("wuhan")


@pytest.mark.parametrize("inside", ["home/keys", "home"])
def test_keys_within_the_project_s_state_are_refused(tmp_path, monkeypatch, inside):
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / inside))
    with pytest.raises(KeyringError, match="within the project"):
        keys.create("wuhan")
    assert not (tmp_path / inside).exists()


def test_keys_within_the_project_are_refused(tmp_path, monkeypatch):
    study = tmp_path / "project" / "data" / "wuhan" / "study.toml"
    study.parent.mkdir(parents=True)
    study.touch()
    monkeypatch.setenv("WORKBENCH_ROOT", str(tmp_path / "project"))
    monkeypatch.setenv("WORKBENCH_KEYS", str(tmp_path / "project" / "keys"))
    with pytest.raises(KeyringError, match="within the project"):
        keys.create("wuhan")


def test_default_place_is_the_user_s_configuration(tmp_path, monkeypatch):
    monkeypatch.delenv("WORKBENCH_KEYS")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    ring = keys.create("wuhan")
    assert ring.folder == tmp_path / "config" / "epidemic-workbench" / "keys" / "wuhan"


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"format": 1, "study": "x"}', b"\xff"])
@pytest.mark.fault("key ring damaged", "keys", "refused; no key material in the message")
def test_damaged_ring_is_an_error_without_a_key_in_it(place, content):
    keys.create("wuhan")
    (place / "ring.json").write_bytes(content)
    with pytest.raises(KeyringError, match="damaged"):
        keys.load("wuhan")


def test_a_shortened_root_key_is_damage(place):
    keys.create("wuhan")
    said = json.loads((place / "ring.json").read_bytes()) | {"root": "AAAA"}
    (place / "ring.json").write_text(json.dumps(said))
    with pytest.raises(KeyringError, match="damaged"):
        keys.load("wuhan")


def test_derived_keys_differ_by_every_part_of_the_context():
    ring = keys.create("wuhan")
    contexts = [("pseudonym", "travel"), ("pseudonym", "screening"), ("pseudonym",), ("a", "bc"),
                ("ab", "c")]  # fmt: skip
    assert len({bytes(keys.derive(ring, *context)) for context in contexts}) == len(contexts)


def test_hkdf_agrees_with_rfc_5869_extract_and_expand():
    """Section 2.2 and 2.3, one block, computed from plain HMAC."""
    import hmac

    root = keys.Secret(range(32))
    extracted = hmac.digest(bytes(32), root, "sha256")
    label = b'["epidemic-workbench", 1, "file", "ab"]'
    expected = hmac.digest(extracted, label + b"\x01", "sha256")
    assert bytes(keys.expand(root, "file", "ab")) == expected


def test_period_keys_are_random_and_stay():
    ring = keys.create("wuhan")
    first = keys.period_key(ring, date(2020, 2, 1), make=True)
    assert keys.period_key(ring, date(2020, 2, 1), make=True) == first
    assert keys.period_key(ring, date(2020, 2, 2), make=True) != first
    with pytest.raises(KeyringError, match="no key for 2020-02-03"):
        keys.period_key(ring, date(2020, 2, 3))


def test_destroyed_key_is_gone_for_good_and_only_it():
    ring = keys.create("wuhan")
    days = [date(2020, 2, day) for day in (1, 2, 3)]
    kept = [keys.period_key(ring, day, make=True) for day in days]
    gone = keys.destroy(ring, date(2020, 2, 3))
    assert [each.period for each in gone] == days[:2]
    assert keys.destroy(ring, date(2020, 2, 3)) == ()
    assert keys.periods(ring) == (days[2],)
    assert keys.period_key(ring, days[2]) == kept[2]
    for day in days[:2]:
        with pytest.raises(ArchiveError, match=r"inputs of 2020-02-0\d were purged on"):
            keys.period_key(ring, day, make=True)


def test_swapped_period_keys_are_refused(place):
    ring = keys.create("wuhan")
    for day in (1, 2):
        keys.period_key(ring, date(2020, 2, day), make=True)
    path = place / "periods-1.json"
    said = json.loads(path.read_bytes())
    said["2020-02-01"], said["2020-02-02"] = said["2020-02-02"], said["2020-02-01"]
    path.write_text(json.dumps(said))
    with pytest.raises(KeyringError, match="damaged or of another ring"):
        keys.period_key(ring, date(2020, 2, 1))


def test_rotation_keeps_period_keys_and_drops_the_old_root(place):
    old = keys.create("wuhan")
    day = date(2020, 2, 1)
    sealed_under = keys.period_key(old, day, make=True)
    keys.destroy(old, day)
    new = keys.rotate(old)
    assert (new.generation, new.retired) == (2, (old.fingerprint,))
    assert keys.load("wuhan").root == new.root != old.root
    assert keys.period_key(new, day) == sealed_under
    assert sorted(path.name for path in place.glob("*.json")) == ["periods-2.json", "ring.json"]
    with pytest.raises(KeyringError, match="rotated meanwhile"):
        keys.period_key(old, day)


@pytest.mark.fault("rotation fails halfway", "keys", "the old generation stays in force, whole")
def test_failed_preparation_leaves_the_old_generation():
    old = keys.create("wuhan")

    def fail(_new: keys.Ring) -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        keys.rotate(old, fail)
    assert keys.load("wuhan") == old


def test_a_generation_is_rotated_once():
    old = keys.create("wuhan")
    keys.rotate(old)
    with pytest.raises(KeyringError, match="rotated by another run"):
        keys.rotate(old)


def test_no_representation_shows_key_material():
    ring = keys.create("wuhan")
    secret = keys.derive(ring, "x")
    shown = [f"{ring}", repr(ring), f"{secret}", f"{secret!r}", f"{secret:>40}", str(secret),
             f"{secret} {secret!r}", repr({"root": ring.root})]  # fmt: skip
    for text in shown:
        assert "<secret, 32 bytes>" in text
        for material in (secret, ring.root):
            assert material.hex() not in text
            assert repr(bytes(material))[2:-1] not in text


def test_a_key_cannot_be_pickled():
    ring = keys.create("wuhan")
    with pytest.raises(KeyringError, match="does not leave its process"):
        pickle.dumps(ring)


def test_traceback_with_locals_shows_no_key(place):
    ring = keys.create("wuhan")
    keys.period_key(ring, date(2020, 2, 1), make=True)
    said = json.loads((place / "periods-1.json").read_bytes())
    said["2020-02-01"]["key"] = said["2020-02-01"]["key"][:-8] + "AAAAAAA="
    (place / "periods-1.json").write_text(json.dumps(said))
    with pytest.raises(KeyringError) as caught:
        keys.period_key(ring, date(2020, 2, 1))
    whole = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    text = "".join(whole.format())
    root = json.loads((place / "ring.json").read_bytes())["root"]
    for material in (root, ring.root.hex(), repr(bytes(ring.root)), *_shown(ring)):
        assert material not in text


def _shown(ring: keys.Ring) -> list[str]:
    wrap = keys.derive(ring, "wrap")
    return [wrap.hex(), repr(bytes(wrap))]


def test_environment_holds_no_key():
    ring = keys.create("wuhan")
    for value in os.environb.values():
        assert ring.root not in value
        assert ring.root.hex().encode() not in value


def test_root_key_in_the_operating_system_s_keyring(tmp_path, monkeypatch):
    held: dict[tuple[str, str], str] = {}
    keyring = types.ModuleType("keyring")
    keyring.get_password = lambda service, user: held.get((service, user))  # type: ignore[attr-defined]
    keyring.set_password = (  # type: ignore[attr-defined]
        lambda service, user, password: held.update({(service, user): password})
    )
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setenv("WORKBENCH_KEYS", "os-keyring")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    old = keys.create("wuhan")
    kept = keys.period_key(old, date(2020, 2, 1), make=True)
    assert not (old.folder / "ring.json").exists()
    new = keys.rotate(old)
    assert keys.period_key(keys.load("wuhan"), date(2020, 2, 1)) == kept
    assert keys.load("wuhan") == new
    held.clear()
    with pytest.raises(KeyringError, match="has no keys"):
        keys.load("wuhan")


def test_missing_keyring_package_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setenv("WORKBENCH_KEYS", "os-keyring")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with pytest.raises(KeyringError, match=r"epidemic-workbench\[keyring\]"):
        keys.create("wuhan")
