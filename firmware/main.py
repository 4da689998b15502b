from faceloop_device.hal import outputs

outputs.all_off()
try:
    from faceloop_device import app

    app.main()
finally:
    outputs.all_off()
