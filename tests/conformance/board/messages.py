"""The protocol package by its vectors. The unit tests run the same checks in CPython."""

import json
import struct
import sys

from faceloop_protocol import (
    config,
    control,
    info,
    reports,
    rice,
    selftest,
    serial_frame,
    session,
    state,
    stream,
    uuids,
)
from faceloop_protocol.errors import ProtocolError

unhex = bytes.fromhex


def check_session(case):
    key = unhex(case["key"])
    covered = session.transcript(
        unhex(case["device_id"]), unhex(case["host_nonce"]), unhex(case["device_nonce"])
    )
    assert session.proof(key, session.LABEL_DEVICE, covered).hex() == case["device_proof"]
    assert session.proof(key, session.LABEL_HOST, covered).hex() == case["host_proof"]
    assert session.tag_key(key, covered).hex() == case["tag_key"]
    assert session.stream_key(key, covered).hex() == case["stream_key"]


def check_command(case):
    body, message = unhex(case["body"]), unhex(case["message"])
    assert getattr(control, case["name"]) == case["op"]
    if case["layout"]:
        layout = getattr(control, case["layout"])
        assert struct.pack(layout, *case["fields"]) == body
        assert list(control.decode_body(layout, body)) == case["fields"]
    untagged = control.pack_tagged(case["op"], case["counter"], body)
    pads = session.hmac_pads(unhex(case["tag_key"]))
    assert untagged + session.command_tag(pads, untagged) == message
    assert control.counter_of(message) == case["counter"]
    assert session.has_tag(pads, message, untagged)
    for at in range(len(message)):
        other = bytearray(message)
        other[at] ^= 1
        assert not session.has_tag(pads, other, memoryview(other)[: len(untagged)])
    assert not session.has_tag(pads, message + b"\0", untagged)


def check_reply(case):
    body, message = unhex(case["body"]), unhex(case["message"])
    assert control.pack_reply(case["op"], case["counter"], case["status"], body) == message
    reply = control.decode_reply(message)
    assert tuple(reply) == (case["op"], case["counter"], case["status"], body)
    if case["kind"]:
        layout, kind = (getattr(control, name) for name in case["kind"])
        assert control.decode_body(layout, body, kind) == kind(*case["fields"])
        assert struct.pack(layout, *case["fields"]) == body


def check_counter_block(case):
    block = stream.counter_block(case["stream_id"], case["first_frame"])
    assert block.hex() == case["block"]


def check_header(case):
    buf = bytearray(14)
    stream.pack_header_into(buf, *case["fields"])
    assert bytes(buf[:13]).hex() == case["header"]
    assert list(stream.decode_header(buf)) == case["decoded"]


def check_seq_distance(case):
    assert stream.seq_distance(case["newer"], case["older"]) == case["distance"]


def check_packet(case):
    """Only the board encrypts, so this needs the board's own parts."""
    from faceloop_device.core.cipher import StreamCipher

    packet = bytearray(unhex(case["plain"]))
    cipher = StreamCipher(unhex(case["stream_key"]))
    cipher.apply(packet, len(packet), case["stream_id"], case["first_frame"])
    assert bytes(packet).hex() == case["encrypted"]


def check_info(case):
    fields, body = dict(case["fields"]), unhex(case["body"])
    fields["firmware"] = tuple(fields["firmware"])
    fields["device_id"] = unhex(fields["device_id"])
    about = info.Info(**fields)
    assert info.pack_info(about) == body
    assert info.decode_info(body) == about
    assert len(body) - len(fields["interpreter"]) == info.INFO_BYTES


def check_state(case):
    body = unhex(case["body"])
    report = reports.decode_state(body + unhex(case["more"]))
    assert report == reports.BoardState(**case["fields"])
    assert struct.pack(state.STATE_FORMAT, *report)[: len(body)] == body
    assert len(body) in (state.STATE_BYTES, reports.LEAST_STATE_BYTES)


def check_self_test(case):
    converter_id, passed, noise_nv, gain_ppt, order, n_lost = case["fields"]
    report = selftest.SelfTestReport(converter_id, passed, noise_nv, gain_ppt, order, n_lost)
    body = selftest.pack_report(report)
    assert body.hex() == case["body"]
    decoded = selftest.decode_report(body)
    assert [list(v) if isinstance(v, tuple) else v for v in decoded] == case["decoded"]
    assert len(body) == selftest.REPORT_BYTES


def check_verdict(case):
    names = ("is_known", "noise_nv", "gain_ppt", "order", "n_lost", "is_by_interrupt")
    assert selftest.judge(*[case[name] for name in names]) == case["passed"]


def check_half_rate(case):
    assert rice.half_rate(case["counts"]) == case["means"]


def check_config(case):
    set_up = config.Config(**case["fields"])
    body = bytearray(config.CONFIG_BYTES)
    config.pack_config_into(body, *set_up)
    assert body.hex() == case["body"]
    assert config.decode_config(unhex(case["body"])) == set_up


def check_serial(case):
    channel, message = case["channel"], unhex(case["message"])
    frame, block = unhex(case["frame"]), unhex(case["cobs"])
    assert serial_frame.frame(channel, message) == frame
    assert serial_frame.unframe(frame) == (channel, message)
    line = case["line"].encode()
    assert serial_frame.encode_line(channel, message) == line
    assert serial_frame.decode_line(line) == (channel, message)
    buf = bytearray(len(block))
    assert serial_frame.cobs_encode_into(buf, frame) == len(block)
    assert bytes(buf) == block
    assert serial_frame.cobs_decode(block[:-1]) == frame


def check_advertised(case):
    """Only the board advertises, so this needs the board's own parts and a radio to note it."""
    import fake_radio

    sys.modules["bluetooth"] = fake_radio
    from faceloop_device.hal.ble_link import BleLink, device_name

    name = device_name(unhex(case["device_id"]))
    assert name == case["name"]
    BleLink(None, name, "model", "0.0.0", "serial").advertise(0, False)
    advertisement, scan_response = fake_radio.sent
    assert advertisement.hex() == case["advertisement"]
    assert scan_response.hex() == case["scan_response"]


def check_id(case):
    assert getattr(uuids, case["name"]) == case["uuid"]


def decode_end(data):
    return control.decode_body(control.END_FORMAT, data, control.StreamEnd)


PARSERS = {
    "info": info.decode_info,
    "state": reports.decode_state,
    "self_test": selftest.decode_report,
    "config": config.decode_config,
    "tagged": control.counter_of,
    "reply": control.decode_reply,
    "end": decode_end,
    "header": stream.decode_header,
    "frame": serial_frame.unframe,
    "cobs": serial_frame.cobs_decode,
    "line": serial_frame.decode_line,
}


def check_refused(case):
    try:
        PARSERS[case["parser"]](unhex(case["data"]))
    except ProtocolError:
        return
    raise AssertionError("taken")


BOARD_ONLY = ("packet", "advertised")
CHECKS = {
    "session": check_session,
    "command": check_command,
    "reply": check_reply,
    "counter_block": check_counter_block,
    "header": check_header,
    "seq_distance": check_seq_distance,
    "packet": check_packet,
    "info": check_info,
    "state": check_state,
    "self_test": check_self_test,
    "verdict": check_verdict,
    "half_rate": check_half_rate,
    "config": check_config,
    "serial": check_serial,
    "advertised": check_advertised,
    "id": check_id,
    "refused": check_refused,
}


def main(path):
    with open(path) as file:
        content = json.load(file)
    del content["made_by"]
    n = 0
    for kind, cases in content.items():
        for case in cases:
            try:
                CHECKS[kind](case)
            except Exception:
                print(kind, case)
                raise
            n += 1
    print("ok", n)


if __name__ == "__main__":
    main(sys.argv[1])
