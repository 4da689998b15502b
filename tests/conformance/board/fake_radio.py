"""Stands for the `bluetooth` module of a board and notes what is advertised."""

sent = []


def UUID(value):
    """128-bit ids go over the air lowest byte first."""
    if isinstance(value, int):
        return value
    return bytes(reversed(bytes.fromhex(value.replace("-", ""))))


class BLE:
    def active(self, is_on):
        pass

    def config(self, **options):
        pass

    def irq(self, handler):
        pass

    def gatts_register_services(self, services):
        handle = 0
        table = []
        for _, characteristics in services:
            handles = tuple(range(handle, handle + len(characteristics)))
            handle += len(characteristics)
            table.append(handles)
        return tuple(table)

    def gatts_set_buffer(self, handle, size):
        pass

    def gatts_write(self, handle, data):
        pass

    def gap_advertise(self, interval_us, data, resp_data=None):
        sent[:] = [data, resp_data]
