"""faceloop."""
