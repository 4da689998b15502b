// Binary messages of /ws/live. The layout is documented in ui/wire.py; this file mirrors it.

export const VERSION = 1;
export const LIVE = 0x01;
export const PONG = 0x02;
export const GAP = -32768;
export const EVENT_KINDS = [
  "note",
  "onset_cue",
  "synkinesis",
  "synkinesis_end",
  "gap",
  "link_lost",
  "link_back",
  "fault",
];

export const GUIDE_PHASES = ["none", "ready", "rise", "hold", "release", "rest"];

const utf8 = new TextDecoder();

/** Return a decoded LIVE or PONG message; throw RangeError for anything else. */
export function decode(buffer) {
  const view = new DataView(buffer);
  if (view.getUint8(1) !== VERSION) throw new RangeError("wire version " + view.getUint8(1));
  const type = view.getUint8(0);
  if (type === LIVE) return decodeLive(buffer, view);
  if (type === PONG) return decodePong(view);
  throw new RangeError("wire type " + type);
}

function decodeLive(buffer, view) {
  const nChannels = view.getUint8(2);
  const nColumns = view.getUint16(42, true);
  const nMuscles = view.getUint8(44);
  const nEvents = view.getUint8(45);
  let at = 48;
  const floats = (n) => {
    const array = new Float32Array(buffer, at, n);
    at += 4 * n;
    return array;
  };
  const envelopeUv = floats(nChannels);
  const restUv = floats(nChannels);
  const symmetry = floats(nMuscles);
  const columns = new Int16Array(buffer, at, 2 * nChannels * nColumns);
  at += columns.byteLength;
  const events = [];
  for (let i = 0; i < nEvents; i++) {
    const textBytes = view.getUint16(at + 2, true);
    events.push({
      kind: EVENT_KINDS[view.getUint8(at)] ?? "note",
      channel: view.getInt8(at + 1),
      index: view.getFloat32(at + 4, true),
      frame: view.getFloat64(at + 8, true),
      text: utf8.decode(new Uint8Array(buffer, at + 16, textBytes)),
    });
    at += 16 + textBytes;
  }
  const guide = view.getUint8(3) & 2 ? decodeGuide(view, at) : null;
  const columnFrames = view.getUint16(40, true);
  return {
    type: LIVE,
    isCalibrated: (view.getUint8(3) & 1) === 1,
    sequence: view.getUint32(4, true),
    firstColumn: view.getFloat64(8, true) / columnFrames,
    lastFrame: view.getFloat64(16, true),
    electrodeTimeS: view.getFloat64(24, true),
    fsHz: view.getFloat32(32, true),
    lsbUv: view.getFloat32(36, true),
    columnFrames,
    nChannels,
    nColumns,
    envelopeUv,
    restUv,
    symmetry,
    columns,
    events,
    guide,
  };
}

function decodeGuide(view, at) {
  const share = (i) => view.getFloat32(at + 4 + 4 * i, true);
  const flags = view.getUint8(at + 1);
  return {
    phase: GUIDE_PHASES[view.getUint8(at)] ?? "none",
    isShown: (flags & 1) === 1,
    isMuted: (flags & 2) === 2,
    isJoined: (flags & 4) === 4,
    goal: share(0),
    hold: share(1),
    low: share(2),
    high: share(3),
    shares: [share(4), share(5)],
    remainingS: share(6),
    pitch: share(7),
    volume: share(8),
  };
}

function decodePong(view) {
  return {
    type: PONG,
    dropped: view.getUint32(4, true),
    clientMs: view.getFloat64(8, true),
    serverS: view.getFloat64(16, true),
    queueP50Ms: view.getFloat32(24, true),
    queueP99Ms: view.getFloat32(28, true),
  };
}

export function encodePing(clientMs) {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint8(0, 0x10);
  view.setUint8(1, VERSION);
  view.setFloat64(8, clientMs, true);
  return view.buffer;
}

export function encodeDrawn(frame, serverS, fps, isCue) {
  const view = new DataView(new ArrayBuffer(24));
  view.setUint8(0, 0x11);
  view.setUint8(1, VERSION);
  view.setUint8(2, isCue ? 1 : 0);
  view.setFloat32(4, fps, true);
  view.setFloat64(8, frame, true);
  view.setFloat64(16, serverS, true);
  return view.buffer;
}

export function encodeAck(sequence) {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint8(0, 0x12);
  view.setUint8(1, VERSION);
  view.setUint32(4, sequence, true);
  return view.buffer;
}
