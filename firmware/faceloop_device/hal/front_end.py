"""The converter with its supply and its pins: what every capture stands on."""

from machine import SPI, Pin
from micropython import const

from faceloop_device.drivers.ads1298 import Ads1298, ConverterError
from faceloop_device.hal.outputs import has_heater

REGISTER_SPI_HZ = const(2000000)  # command bytes need their distance


class FrontEnd:
    """The converter; a capture adds the road from it to memory.

    Parameters
    ----------
    board : module
        Pin map.
    rate_step : int
        As for ``Ads1298``.

    Attributes
    ----------
    rail_mv : int
        The board's 3.3 V, which is the front end's DVDD, when the front end was last set up; -1
        before that, where it could not be measured (no heat then, the stream is not the worse for
        it), and on a board without a heater, which alone has to know. While frames flow registers
        are out of reach.
    """

    def __init__(self, board, rate_step=0):
        self._board = board
        self.rail_mv = -1
        self._power = Pin(board.AFE_PWDN, Pin.OUT, value=0)
        self._spi = self._connect_spi()
        self.converter = Ads1298(
            self._spi,
            Pin(board.AFE_CS, Pin.OUT, value=1),
            Pin(board.AFE_START, Pin.OUT, value=0),
            Pin(board.AFE_RESET, Pin.OUT, value=1),
            rate_step,
        )

    def probe(self):
        """See whether the converter answers, and leave it without power.

        Raises
        ------
        ConverterError
            If it does not.
        """
        self._power.value(1)
        try:
            self._bring_up()
        finally:
            self._power.value(0)

    def _set_up(self, prepare):
        """Power and registers, up to the START of conversions; raises ``ConverterError``.

        Whatever goes wrong, the front end is left without power.
        """
        self._power.value(1)
        try:
            self._bring_up()
            if prepare is not None:
                prepare()
            self.converter.close_registers()
        except BaseException:
            self._power.value(0)
            raise

    def _bring_up(self):
        self.rail_mv = -1
        self.converter.bring_up()
        if has_heater(self._board):
            self._measure_rail()

    def _measure_rail(self):
        # A second time where the first one is wrong: what latches should be no single reading.
        from faceloop_protocol.heat_limits import RAIL_MV, RAIL_TOLERANCE_MV

        for _ in range(2):
            try:
                found_mv = self.converter.measure_rail_mv()
            except ConverterError:
                continue
            if self.rail_mv < 0 or abs(found_mv - RAIL_MV) < abs(self.rail_mv - RAIL_MV):
                self.rail_mv = found_mv
            if abs(self.rail_mv - RAIL_MV) <= RAIL_TOLERANCE_MV:
                return

    def _shut_down(self):
        self.converter.open_registers()
        self._power.value(0)

    def _connect_spi(self):
        board = self._board
        return SPI(
            board.AFE_SPI,
            baudrate=REGISTER_SPI_HZ,
            polarity=0,
            phase=1,
            sck=Pin(board.AFE_SCLK),
            mosi=Pin(board.AFE_DIN),
            miso=Pin(board.AFE_DOUT),
        )
