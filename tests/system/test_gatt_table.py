"""What a board offers over the air: the characteristics of the protocol, and how they answer."""

from __future__ import annotations

from pathlib import Path

from bleak import BleakClient, BleakScanner

from faceloop.device import bluetooth
from faceloop.twin.launch import BoardSpec, VirtualBoard
from faceloop_protocol import config, control, info, reports, state, uuids


async def test_every_characteristic_answers_as_the_protocol_says(tmp_path: Path) -> None:
    async with VirtualBoard(BoardSpec()) as board:
        bluetooth.use_virtual(board.hci_path)
        try:
            device = await BleakScanner.find_device_by_filter(
                lambda _device, seen: uuids.SERVICE in seen.service_uuids,
                timeout=10,
                **bluetooth.scanner_backend(),
            )
            assert device is not None
            assert device.name is not None and device.name.startswith(uuids.NAME_PREFIX)
            async with BleakClient(device, **bluetooth.client_backend()) as client:
                answers = await client.read_gatt_char(uuids.INFO)
                board_info = info.decode_info(bytes(answers))
                assert board_info.board == info.BOARD_VIRTUAL
                assert board_info.n_channels == 8
                assert board_info.fs_hz == 2000
                assert board_info.interpreter.startswith("MicroPython")
                assert board_info.features & info.FEATURE_HEAT
                settings = config.decode_config(bytes(await client.read_gatt_char(uuids.CONFIG)))
                assert settings == (control.MODE_TRAINING, 4, 12, 2000)
                report = reports.decode_state(bytes(await client.read_gatt_char(uuids.STATE)))
                assert report.state == state.STATE_IDLE
                assert report.fault == state.FAULT_NONE
                assert 0 < report.battery_pct <= 100
                level = await client.read_gatt_char("00002a19-0000-1000-8000-00805f9b34fb")
                assert level[0] == report.battery_pct
                properties = {
                    characteristic.uuid: set(characteristic.properties)
                    for service in client.services
                    for characteristic in service.characteristics
                }
                assert properties[uuids.STREAM] == {"notify"}
                assert properties[uuids.CONTROL] == {"write", "write-without-response", "indicate"}
                assert properties[uuids.STATE] == {"read", "notify"}
                assert properties[uuids.CONFIG] == {"read", "write"}
                assert properties[uuids.INFO] == {"read"}
        finally:
            await bluetooth.close()
