from faceloop_device import app

app.main()
