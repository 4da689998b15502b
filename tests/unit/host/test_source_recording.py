"""Recordings as electrode signals: exact values, clean resampling, plain refusals."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import edfio
import numpy as np
import pytest

from faceloop.errors import SourceError, UsageError
from faceloop.twin.sources import LSB_UV, Source, make_source
from faceloop.twin.sources.recording import RecordingSource

DATA = Path(__file__).parents[2] / "data"
RNG = np.random.default_rng(5)


def noise_uv(n: int, rms_uv: float = 20.0) -> np.ndarray:
    return RNG.normal(0.0, rms_uv, n)


def write_edf(
    path: Path,
    tracks: list[tuple[float, np.ndarray]],
    dimension: str = "uV",
    record_s: float | None = None,
) -> Path:
    signals = [
        edfio.EdfSignal(x, fs_hz, label=f"EMG {i}", physical_dimension=dimension)
        for i, (fs_hz, x) in enumerate(tracks)
    ]
    edfio.Edf(signals, data_record_duration=record_s).write(path)
    return path


def load(path: Path, **options: object) -> Source:
    return make_source({"kind": "recording", "path": str(path), **options})


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(SourceError) as caught:
        load(path, **options)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "Error" not in sentence
    return sentence


# --- values ---------------------------------------------------------------------------------


def test_recording_2khz_file_passes_untouched() -> None:
    path = DATA / "limb_shoulder_10ch_2khz.bdf"
    source = load(path)
    stored = edfio.read_bdf(path).signals
    expected = np.stack([np.round(s.data / LSB_UV) for s in stored[:8]], axis=1)
    counts = source.read(10**6)
    assert counts.dtype == np.int32
    np.testing.assert_array_equal(counts, expected)
    assert source.labels[:2] == ("EMG Delt_ant", "EMG Delt_med")
    assert source.lead_off == (0, 0)
    assert source.n_samples == len(counts) == 11600
    assert "first 8 of 10" in source.warnings[0]


def test_recording_reads_in_pieces_equal_one_read_and_end_empty() -> None:
    source = load(DATA / "limb_shoulder_10ch_2khz.bdf")
    whole = source.read(10**6)
    assert source.read(5).shape == (0, 8)
    source.rewind()
    pieces = [source.read(n) for n in (1, 7, 0, 4000, 3, 10**6)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_recording_values_beyond_24_bit_are_clipped_and_told(tmp_path: Path) -> None:
    x = noise_uv(4000)
    x[100], x[200] = 300e3, -300e3
    source = load(write_edf(tmp_path / "big.edf", [(2000, x)]))
    counts = source.read(4000)[:, 0]
    assert (counts[100], counts[200]) == (2**23 - 1, -(2**23))
    assert "2 samples" in source.warnings[0]


@pytest.mark.parametrize(
    ("dimension", "factor"), [("uV", 1.0), ("mV", 1e3), ("V", 1e6), ("\u00b5V", 1.0)]
)
def test_recording_physical_dimension_is_respected(
    tmp_path: Path, dimension: str, factor: float
) -> None:
    x = noise_uv(4000)
    path = write_edf(tmp_path / "unit.edf", [(2000, x / factor)], "uV")
    raw = path.read_bytes()
    # The micro sign is not ASCII, so writers put it in as Latin-1: do the same by hand.
    path.write_bytes(raw[:352] + dimension.encode("latin-1").ljust(8) + raw[360:])
    source = load(path)
    np.testing.assert_allclose(source.read(4000)[:, 0] * LSB_UV, x, atol=0.02)
    assert source.warnings == ()


@pytest.mark.parametrize("dimension", ["", "ADC"])
def test_recording_unknown_unit_is_taken_as_microvolts_with_warning(
    tmp_path: Path, dimension: str
) -> None:
    x = noise_uv(4000)
    source = load(write_edf(tmp_path / "unit.edf", [(2000, x)], dimension))
    np.testing.assert_allclose(source.read(4000)[:, 0] * LSB_UV, x, atol=0.02)
    assert "taken as microvolts" in source.warnings[0]


def test_recording_fewer_channels_leave_the_rest_open() -> None:
    source = load(DATA / "facial_biopac_corr_zyg_lev.edf")
    assert source.lead_off == (0b11111000, 0b11111000)
    assert source.labels[2:4] == ("EMG levator lab", "unconnected 4")
    assert not source.read(10**6)[:, 3:].any()


def test_recording_constant_channel_is_an_open_input(tmp_path: Path) -> None:
    rail = np.full(4000, -187500.0)
    signals = [
        edfio.EdfSignal(noise_uv(4000), 2000, physical_dimension="uV"),
        edfio.EdfSignal(rail, 2000, physical_dimension="uV", physical_range=(-187500, 187500)),
    ]
    edfio.Edf(signals).write(tmp_path / "open.edf")
    source = load(tmp_path / "open.edf")
    assert source.lead_off == (0b11111110, 0b11111110)
    assert source.read(1)[0, 1] == round(-187500.0 / LSB_UV)
    assert "open input" in source.warnings[0]


def test_recording_annotations_and_slow_signals_are_skipped(tmp_path: Path) -> None:
    emg = noise_uv(4000)
    signals = [
        edfio.EdfSignal(np.linspace(30, 31, 20), 10, label="Temp", physical_dimension="degC"),
        edfio.EdfSignal(emg, 2000, label="EMG", physical_dimension="uV"),
    ]
    notes = [edfio.EdfAnnotation(0.5, None, "cue")]
    edfio.Edf(signals, annotations=notes).write(tmp_path / "mixed.edf")
    source = load(tmp_path / "mixed.edf")
    assert source.labels[0] == "EMG"
    assert "Temp" in source.warnings[0]


# --- rates ----------------------------------------------------------------------------------


def test_recording_1khz_file_keeps_length_and_level() -> None:
    path = DATA / "limb_biceps_bursts_1khz.edf"
    source = load(path)
    stored = edfio.read_edf(path).signals[0].data
    uv = source.read(10**6)[:, 0] * LSB_UV
    assert len(uv) == 2 * len(stored)
    # Every second sample sits where a stored one was. Above 460 Hz, where the filter ends, this
    # file has 0.17 % of its power, 4 % in amplitude: no more than that may be lost.
    assert np.std(uv[::2] - stored) < 0.04 * np.std(stored)
    assert np.std(uv) == pytest.approx(np.std(stored), rel=0.01)


def test_recording_channels_of_different_rates_are_cut_to_the_common_duration(
    tmp_path: Path,
) -> None:
    slow = 50 * np.sin(2 * np.pi * 40 * np.arange(3000) / 1000)
    fast = 50 * np.sin(2 * np.pi * 40 * np.arange(6000) / 2000)
    source = load(write_edf(tmp_path / "rates.edf", [(1000, slow), (2000, fast)]))
    uv = source.read(10**6) * LSB_UV
    assert len(uv) == 6000
    np.testing.assert_allclose(uv[600:-600, 0], uv[600:-600, 1], atol=0.05)


# --- tables ---------------------------------------------------------------------------------


def write_csv(path: Path, header: str, columns: list[np.ndarray], mark: str = ",") -> Path:
    rows = [mark.join(f"{value:.6g}" for value in row) for row in np.stack(columns, axis=1)]
    path.write_text("\n".join([*([header] if header else []), *rows]) + "\n")
    return path


TIME_S = np.arange(4000) / 2000


@pytest.mark.parametrize(
    ("header", "has_time", "options"),
    [
        ("time_s,zyg_uV", True, {}),
        ("t,zyg (uV)", True, {}),
        ("", True, {}),
        ("zyg", False, {"fs_hz": 2000}),
        ("# fs_hz=2000\nzyg", False, {}),
    ],
)
def test_csv_rate_from_time_column_comment_or_argument(
    tmp_path: Path, header: str, has_time: bool, options: dict[str, float]
) -> None:
    emg = np.round(noise_uv(4000), 3)
    path = write_csv(tmp_path / "a.csv", header, [TIME_S, emg] if has_time else [emg])
    source = load(path, **options)
    np.testing.assert_allclose(source.read(10**6)[:, 0] * LSB_UV, emg, atol=0.013)
    assert source.lead_off[0] == 0b11111110


def test_csv_gzip_milliseconds_units_and_row_numbers(tmp_path: Path) -> None:
    plain = write_csv(
        tmp_path / "a.csv",
        "index,time_ms,zyg_mV,corr [uV]",
        [np.arange(2000.0), np.arange(2000.0), noise_uv(2000) / 1e3, noise_uv(2000)],
    )
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(plain.read_bytes()))
    source = load(path)
    assert source.n_samples == 4000
    assert source.labels[:3] == ("zyg", "corr", "unconnected 3")
    uv = source.read(10**6)[:, :2] * LSB_UV
    np.testing.assert_allclose(uv.std(axis=0), 20.0 / np.sqrt(1.0), rtol=0.1)


def test_csv_semicolons_with_decimal_commas(tmp_path: Path) -> None:
    emg = np.round(noise_uv(4000), 3)
    path = write_csv(tmp_path / "a.csv", "zeit;time_s;zyg", [0 * emg + 0.5, TIME_S, emg], ";")
    path.write_text(path.read_text().replace(".", ","))
    counts = load(path).read(10**6)
    np.testing.assert_allclose(counts[:, 1] * LSB_UV, emg, atol=0.013)


# --- refusals -------------------------------------------------------------------------------


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_edf(tmp_path / "good.edf", [(2000, noise_uv(4000))] * 2, record_s=0.1)


def patched(path: Path, at: int, field: bytes) -> Path:
    raw = path.read_bytes()
    path.write_bytes(raw[:at] + field + raw[at + len(field) :])
    return path


def test_missing_file_is_refused(tmp_path: Path) -> None:
    assert "check the name" in refusal(tmp_path / "nothing.edf")


def test_folder_is_refused(tmp_path: Path) -> None:
    assert "folder" in refusal(tmp_path)


def test_unreadable_file_is_refused(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Not chmod: the tests may run as root, whom no mode stops.
    monkeypatch.setattr(Path, "open", denied)
    assert "Permission denied" in refusal(good)


def test_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.edf").touch()
    assert "is empty" in refusal(tmp_path / "empty.edf")


def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.edf").write_bytes(b"RIFF" + bytes(1000))
    (tmp_path / "a.wav").write_bytes(b"RIFF" + bytes(1000))
    (tmp_path / "a.txt").write_text("Once upon a time\nthere were 2 muscles\n")
    assert "is no EDF file" in refusal(tmp_path / "a.edf")
    assert "neither EDF, BDF nor" in refusal(tmp_path / "a.wav")
    assert "neither EDF, BDF nor" in refusal(tmp_path / "a.txt")


def test_header_only_file_is_refused(good: Path) -> None:
    good.write_bytes(good.read_bytes()[:768])
    assert "is empty" in refusal(good)


@pytest.mark.parametrize("keep", [8, 255, 300, 767])
def test_file_cut_inside_its_header_is_refused(good: Path, keep: int) -> None:
    good.write_bytes(good.read_bytes()[:keep])
    assert "cut off inside its header" in refusal(good)


def test_truncated_file_is_refused_with_counts(good: Path) -> None:
    good.write_bytes(good.read_bytes()[:-801])
    assert "truncated: 18 of 20 records" in refusal(good)


def test_truncated_bdf_is_refused(tmp_path: Path) -> None:
    raw = (DATA / "limb_shoulder_10ch_2khz.bdf").read_bytes()
    (tmp_path / "cut.bdf").write_bytes(raw[: len(raw) // 2])
    assert "truncated" in refusal(tmp_path / "cut.bdf")


def test_unclosed_file_with_whole_records_plays(good: Path) -> None:
    patched(good, 236, b"-1      ")
    source = load(good)
    assert source.n_samples == 4000
    assert "20 are there" in source.warnings[0]


def test_unclosed_file_that_ends_inside_a_record_is_refused(good: Path) -> None:
    patched(good, 236, b"-1      ")
    good.write_bytes(good.read_bytes()[:-1])
    assert "never closed" in refusal(good)


def test_too_short_recording_is_refused(tmp_path: Path) -> None:
    path = write_edf(tmp_path / "short.edf", [(2000, noise_uv(1900))], record_s=0.05)
    assert "too short: 0.95 s" in refusal(path)


def test_envelope_rate_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = write_edf(tmp_path / "slow.edf", [(100, noise_uv(1000))])
    assert "100 samples a second, too few for EMG" in refusal(path)
    path = write_csv(tmp_path / "slow.csv", "t_s,zyg", [np.arange(500) / 100, noise_uv(500)])
    assert "envelopes" in refusal(path)


def test_unknown_rate_is_refused(good: Path, tmp_path: Path) -> None:
    assert "unknown sampling rate" in refusal(patched(good, 244, b"0       "))
    path = write_csv(tmp_path / "a.csv", "zyg", [noise_uv(4000)])
    assert "does not say its sampling rate" in refusal(path)
    path = write_csv(tmp_path / "b.csv", "", [np.arange(4000.0), noise_uv(4000)])
    assert "does not say its sampling rate" in refusal(path)
    assert "makes no sense" in refusal(path, fs_hz=-5.0)


def test_uneven_times_are_refused_with_the_row(tmp_path: Path) -> None:
    time_s = TIME_S.copy()
    time_s[1000:] += 0.25
    path = write_csv(tmp_path / "a.csv", "time_s,zyg", [time_s, noise_uv(4000)])
    assert "row 1001" in refusal(path)


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", "NaN"])
def test_not_a_number_is_refused_with_count_row_and_channel(tmp_path: Path, word: str) -> None:
    emg = [f"{v:.3f}" for v in noise_uv(4000)]
    emg[1234] = emg[3000] = word
    rows = "\n".join(f"{t:.4f},1.0,{v}" for t, v in zip(TIME_S, emg, strict=True))
    (tmp_path / "a.csv").write_text("time_s,corr,zyg\n" + rows)
    sentence = refusal(tmp_path / "a.csv")
    assert "2 values that are no numbers" in sentence
    assert "row 1235 of channel 'zyg'" in sentence


@pytest.mark.parametrize("row", [1, 78, len(TIME_S)])
def test_missing_cell_is_refused_with_row_and_column(tmp_path: Path, row: int) -> None:
    """An empty cell at the top is no reason to leave the whole channel out."""
    rows = [f"{t:.4f},1.5" for t in TIME_S]
    rows[row - 1] = f"{TIME_S[row - 1]:.4f},"
    (tmp_path / "a.csv").write_text("time_s,zyg\n" + "\n".join(rows))
    assert f"row {row}, column 'zyg' is missing" in refusal(tmp_path / "a.csv")


def test_column_with_a_remark_here_and_there_is_left_out_and_said(tmp_path: Path) -> None:
    rows = [f"{t:.4f},1.5,{7 if i % 100 == 0 else ''}" for i, t in enumerate(TIME_S)]
    (tmp_path / "a.csv").write_text("time_s,zyg,mark\n" + "\n".join(rows))
    source = load(tmp_path / "a.csv")
    assert source.n_recorded_channels == 1
    assert "Columns without numbers in most rows left out: mark." in source.warnings


def test_recording_of_which_only_a_part_is_played_ends_there() -> None:
    source = load(DATA / "limb_shoulder_10ch_2khz.bdf", seconds=1.5)
    assert source.n_samples == len(source.read(10**6)) == 3000
    assert all(onset.frame < 3000 for onset in source.onsets)


def test_file_without_signals_is_refused(tmp_path: Path) -> None:
    edfio.Edf([], annotations=[edfio.EdfAnnotation(0, None, "a")]).write(tmp_path / "notes.edf")
    assert "only annotations" in refusal(tmp_path / "notes.edf")
    path = write_csv(tmp_path / "a.csv", "time_s", [TIME_S])
    assert "no signal column" in refusal(path)


def test_damaged_header_fields_are_refused(good: Path) -> None:
    raw = good.read_bytes()
    # Offsets in the header record: main part, then 2 signals column by column.
    signals = 256
    for at, field, words in (
        (184, b"99999   ", "damaged header"),
        (252, b"0   ", "no signal channel"),
        (252, b"xx  ", "number of signals"),
        (236, b"many    ", "number of records"),
        (244, b"nan     ", "record duration"),
        (signals + 2 * 104, b"inf     ", "physical range"),
        (signals + 2 * 120, b"99999   ", "no usable scale"),
        (signals + 2 * 216, b"0       ", "no samples"),
        (signals + 2 * 216, b"1.5     ", "samples per record"),
    ):
        good.write_bytes(raw)
        assert words in refusal(patched(good, at, field))


@pytest.mark.parametrize("seed", range(3))
def test_random_damage_never_leaks_another_exception(good: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    raw = good.read_bytes()
    for _ in range(60):
        broken = bytearray(raw)
        for at in rng.integers(0, 768, 3):
            broken[at] = rng.integers(0, 256)
        good.write_bytes(bytes(broken)[: rng.integers(1, len(raw) + 1)])
        try:
            load(good)
        except SourceError as error:
            assert str(error)


def test_damaged_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"time_s,zyg\n0,1\n" * 1000)[:-20])
    assert "gzip" in refusal(path)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"kind": "radio"},
        {"kind": "recording"},
        {"kind": "recording", "path": "a.edf", "gain": 2},
        {"kind": "open", "seed": 1},
    ],
)
def test_wrong_description_is_a_usage_error(spec: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        make_source(spec)
    assert not isinstance(caught.value, SourceError)


def test_open_inputs_are_zeros_with_all_bits() -> None:
    source = make_source({"kind": "open"})
    assert source.n_samples is None
    assert not source.read(100).any()
    assert source.lead_off == (0xFF, 0xFF)


# --- reference onsets -----------------------------------------------------------------------


def test_onsets_of_made_steps_are_found_within_10_ms(tmp_path: Path) -> None:
    # 10 dB steps of 0.5 s every 1.7 s after 3 s of rest, white noise: times known exactly.
    emg = noise_uv(40_000, 3.0)
    starts = [6000 + 3400 * k for k in range(9)]
    for start in starts:
        emg[start : start + 1000] *= 10**0.75
    source = load(write_edf(tmp_path / "steps.edf", [(2000, emg)]))
    onsets = source.onsets
    assert [o.kind for o in onsets] == ["estimate"] * len(starts)
    assert [o.channel for o in onsets] == [0] * len(starts)
    errors = np.array([o.frame for o in onsets]) - starts
    assert np.abs(errors).max() <= 20
    assert all(13 < o.snr_db < 17 for o in onsets)


def test_onsets_of_a_face_recording_find_its_one_burst() -> None:
    source = load(DATA / "facial_biopac_corr_zyg_lev.edf")
    # 13 public detectors put it at 12.16-12.51 s (median 12.4).
    assert [o.muscle for o in source.onsets] == ["EMG zygomaticus"]
    assert 12.1 < source.onsets[0].frame / 2000 < 12.55


def test_onsets_are_computed_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from faceloop.twin.sources import onset_reference

    calls = []
    real: Callable[..., object] = onset_reference.find_onsets
    monkeypatch.setattr(onset_reference, "find_onsets", lambda *a: (calls.append(1), real(*a))[1])
    source = RecordingSource(DATA / "limb_short_3s.edf")
    source.read(100)
    assert not calls
    assert source.onsets is source.onsets
    assert len(calls) == 1


def test_file_that_may_not_be_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root may read everything, the system's refusal is made up."""
    path = write_edf(tmp_path / "secret.edf", [(2000.0, noise_uv(4000))])
    open_file = Path.open

    def refuse(self: Path, *arguments: object, **options: object) -> object:
        if self.name == "secret.edf":
            raise PermissionError(13, "Permission denied", str(self))
        return open_file(self, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    assert refusal(path) == "secret.edf cannot be read (Permission denied): check its permissions."


def test_folder_without_a_name_is_called_what_the_user_called_it() -> None:
    assert refusal(Path()) == ". is a folder: name one recording in it."


def test_rate_below_zero_in_a_comment_is_odd_not_absent(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("# fs_hz=-5\na,b\n" + "1.0,2.0\n" * 2000)
    assert "odd sampling rate (-5 Hz)" in refusal(path)
