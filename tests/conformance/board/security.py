"""Keys, bonds, and what a board does with those who guess. Takes a folder for its files."""

import os
import sys

from faceloop_device.core.auth import LinkSession
from faceloop_device.core.bonds import Bonds
from faceloop_device.core.keys import Keys
from faceloop_protocol import control, session
from faceloop_protocol.limits import BACK_OFF_MS, BAD_TAGS_BEFORE_DISCONNECT

sys.path.append(__file__.rpartition("/")[0])
from commands import DEVICE_ID, Board, CommandServer, Host

FOLDER = sys.argv[1]
KEY_FILE = FOLDER + "key"
BONDS_FILE = FOLDER + "bonds"


def keys_are_made_once_and_kept():
    first = Keys(KEY_FILE)
    assert first.is_new and not first.is_claimed and first.therapist is None
    assert first.owner is None and first.of(0) is None, "made when the radio is on, not before"
    first.make_owner()
    again = Keys(KEY_FILE)
    assert not again.is_new and again.owner == first.owner and len(again.owner) == 16
    again.claim()
    assert again.is_claimed and not Keys(KEY_FILE).is_claimed, "a host may prove it mid-stream"
    again.save()
    assert Keys(KEY_FILE).is_claimed
    second = again.make_therapist()
    third = Keys(KEY_FILE)
    assert third.is_claimed and third.owner == first.owner
    assert third.therapist == second != first.owner
    assert third.make_therapist() != second
    assert Keys(KEY_FILE).therapist == third.therapist
    assert [third.of(role) for role in (0, 1, 2)] == [first.owner, third.therapist, None]


def key_file_of_an_earlier_version_is_taken_and_a_broken_one_is_not():
    for content, is_taken in ((b"k" * 16, True), (b"k" * 15, False), (b"", False)):
        with open(KEY_FILE, "wb") as file:
            file.write(content)
        keys = Keys(KEY_FILE)
        assert (keys.owner == content) == is_taken and keys.is_new != is_taken
        assert not keys.is_claimed and keys.therapist is None


def full_flash_does_not_end_a_session():
    keys = Keys(KEY_FILE)
    keys.make_owner()
    keys._path = "/no/such/folder/key"
    keys.claim()
    keys.save()
    assert keys.is_claimed
    try:
        keys.make_therapist()
        raise AssertionError("a key that nobody keeps")
    except OSError:
        assert keys.therapist is None


def host_with(keys, key, role):
    host = Host(CommandServer(Board()), key)
    host.link.session = LinkSession(keys, DEVICE_ID)
    nonce = bytes(16)
    reply = host.plain(control.HELLO, b"\x01" + nonce + role)
    if reply.status != control.OK:
        return host, reply.status
    covered = session.transcript(DEVICE_ID, nonce, reply.body[8:24])
    is_theirs = reply.body[24:] == session.proof(key, session.LABEL_DEVICE, covered)
    host.pads = session.hmac_pads(session.tag_key(key, covered))
    status = host.plain(control.PROVE, session.proof(key, session.LABEL_HOST, covered)).status
    assert is_theirs == (status == control.OK), "both or neither"
    return host, status


def each_role_has_its_key():
    os.remove(KEY_FILE)
    keys = Keys(KEY_FILE)
    keys.make_owner()
    assert host_with(keys, keys.owner, b"\x01")[1] == control.BAD_PROOF, "no second key yet"
    second = keys.make_therapist()
    assert host_with(keys, second, b"")[1] == control.BAD_PROOF
    assert host_with(keys, keys.owner, b"\x01")[1] == control.BAD_PROOF
    assert host_with(keys, second, b"\x02")[1] == control.BAD_PROOF
    assert not keys.is_claimed
    host, status = host_with(keys, second, b"\x01")
    assert status == control.OK and not keys.is_claimed, "the owner's is still in nobody's hands"
    assert host.tagged(control.SET_MODE, b"\x00").status == control.NO_STREAM
    assert host.link.session.role == session.ROLE_THERAPIST
    assert host_with(keys, keys.owner, b"")[1] == control.OK and keys.is_claimed
    assert host_with(keys, keys.owner, b"\x00")[1] == control.OK
    keys.make_therapist()
    assert host_with(keys, second, b"\x01")[1] == control.BAD_PROOF, "the one before is void"


def five_wrong_proofs_silence_a_link_for_half_a_minute():
    board = Board()
    host = Host(CommandServer(board), b"wrong" + bytes(11))
    one = host.link.session
    for _ in range(BAD_TAGS_BEFORE_DISCONNECT):
        assert not one.is_abused()
        assert host.prove() == control.BAD_PROOF
    assert one.is_abused()
    one.back_off(board.ticks_ms())  # as the program does when it cuts the link
    began_ms = board.now_ms
    one.new_link()
    host.key = b""
    hello = b"\x01" + bytes(16)
    assert host.plain(control.HELLO, hello).status == control.BACK_OFF
    assert host.plain(control.STOP).status == control.OK, "never refused"
    board.now_ms = began_ms + BACK_OFF_MS - 3 * board.step_ms
    assert host.plain(control.HELLO, hello).status == control.BACK_OFF
    board.now_ms = began_ms + BACK_OFF_MS
    assert host.plain(control.HELLO, hello).status == control.OK
    board.now_ms = (began_ms + BACK_OFF_MS) // 2
    assert host.plain(control.HELLO, hello).status == control.OK, "over is over"


def hanging_up_does_not_forgive_wrong_proofs():
    board = Board()
    server = CommandServer(board)
    owner = Host(server)
    one = owner.link.session
    guesser = Host(server, b"wrong" + bytes(11))
    guesser.link = owner.link  # there is one radio
    for _ in range(BAD_TAGS_BEFORE_DISCONNECT - 1):
        assert guesser.prove() == control.BAD_PROOF
        one.new_link()
        assert not one.is_abused()
    assert guesser.prove() == control.BAD_PROOF and one.is_abused()
    one.back_off(board.ticks_ms())
    assert not one.is_abused(), "served: the next five count anew"
    board.now_ms += BACK_OFF_MS
    for _ in range(BAD_TAGS_BEFORE_DISCONNECT - 1):
        assert guesser.prove() == control.BAD_PROOF
    assert owner.prove() == control.OK, "who has the key ends the count"
    for _ in range(BAD_TAGS_BEFORE_DISCONNECT - 1):
        assert guesser.prove() == control.BAD_PROOF
    assert not one.is_abused()


def bonds_are_kept_only_while_the_board_is_open_for_them():
    bonds = Bonds(BONDS_FILE)
    assert not bonds.set(1, b"peer", b"secret") and bonds.get(1, 0, None) is None
    assert bonds.set(4, b"", b"identity"), "the stack's own is none of ours to refuse"
    bonds.is_open = True
    assert bonds.set(1, b"peer", b"secret") and bonds.set(2, b"peer", b"theirs")
    assert bonds.set(2, b"other", b"more")
    bonds.is_open = False
    assert bonds.set(2, b"peer", b"renewed"), "a known one may change"
    assert not bonds.set(2, b"stranger", b"x")
    bonds.save()
    assert not bonds.is_changed
    again = Bonds(BONDS_FILE)
    assert again.get(1, 0, b"peer") == b"secret" and again.get(2, 0, b"peer") == b"renewed"
    assert again.get(2, 0, b"nobody") is None and again.get(3, 0, None) is None
    assert [again.get(2, i, None) for i in range(3)] == [b"more", b"renewed", None]
    assert again.get(4, 0, b"") == b"identity"
    assert again.set(2, b"other", None) and not again.set(2, b"other", None)
    again.save()
    assert Bonds(BONDS_FILE).get(2, 0, b"other") is None
    again.is_open = True
    n = 0
    while again.set(2, b"%d" % n, bytes(80)):
        n += 1
    assert 10 < n < 40, n


def broken_file_of_bonds_is_no_exception():
    with open(BONDS_FILE, "rb") as file:
        whole = file.read()
    for length in range(len(whole)):
        with open(BONDS_FILE, "wb") as file:
            file.write(whole[:length])
        Bonds(BONDS_FILE)
    with open(BONDS_FILE, "wb") as file:
        file.write(b"\xff" * 100)
    assert Bonds(BONDS_FILE).get(1, 0, None) is None


for test in (
    keys_are_made_once_and_kept,
    key_file_of_an_earlier_version_is_taken_and_a_broken_one_is_not,
    full_flash_does_not_end_a_session,
    each_role_has_its_key,
    five_wrong_proofs_silence_a_link_for_half_a_minute,
    hanging_up_does_not_forgive_wrong_proofs,
    bonds_are_kept_only_while_the_board_is_open_for_them,
    broken_file_of_bonds_is_no_exception,
):
    test()
    print("ok", test.__name__)
