"""faceloop_dsp: the signal core."""
