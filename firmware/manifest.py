"""For a MicroPython that has the firmware frozen in; see README.md, "Freeze the program"."""

include("$(PORT_DIR)/boards/manifest.py")  # what MicroPython itself needs: start-up, asyncio
metadata(description="faceloop: eight EMG channels over Bluetooth LE", version="0.1.0")
package("faceloop_protocol", base_path="lib")
package("faceloop_heat", base_path="lib")
package("boards", files=("esp32s3.py", "pico2w.py"))
package("faceloop_device")
module("main.py")
