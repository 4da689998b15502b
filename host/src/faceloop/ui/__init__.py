"""The local web app. Start it with :func:`faceloop.ui.app.serve`; nothing else imports NiceGUI."""
