"""faceloop_dsp: packet decoder, streaming filters, detectors and ratios for bilateral facial EMG.

Needs NumPy only and knows nothing of radios, files or screens.
"""

from faceloop_dsp._packets import decode_payload
from faceloop_dsp.core import MainsStatus, Offset, Onset, StreamCore, StreamFeatures
from faceloop_dsp.fatigue import FatigueMeter, MedianFrequency
from faceloop_dsp.pairs import Pair, Side, SynkinesisEvent
from faceloop_dsp.ratios import (
    asymmetry_index,
    coactivation_ratio,
    excess_coactivation,
    laterality_index_hb,
    relative_change,
    signed_asymmetry,
    symmetry_ratio,
)
from faceloop_dsp.rest import RestReference
from faceloop_dsp.synkinesis import SynkinesisDetector
from faceloop_dsp.tkeo import tkeo

__all__ = [
    "FatigueMeter",
    "MainsStatus",
    "MedianFrequency",
    "Offset",
    "Onset",
    "Pair",
    "RestReference",
    "Side",
    "StreamCore",
    "StreamFeatures",
    "SynkinesisDetector",
    "SynkinesisEvent",
    "asymmetry_index",
    "coactivation_ratio",
    "decode_payload",
    "excess_coactivation",
    "laterality_index_hb",
    "relative_change",
    "signed_asymmetry",
    "symmetry_ratio",
    "tkeo",
]
