// The socket to the server: reconnects, acknowledges, and knows the server's clock.

import { decode, encodeAck, encodeDrawn, encodePing, LIVE } from "/assets/wire.js";

// A busy moment makes one exchange lopsided by tens of milliseconds; the best of many does not
// lie. So: a burst at the start, then a slow beat, and the best of the last minute counts.
const BURST_PINGS = 10;
const BURST_MS = 100;
const PING_MS = 2000;
const PINGS_KEPT = 30;
const PINGS_TRUSTED = 5;
const ACK_EVERY = 16;
// After half a minute it is gone for good: a new faceloop has a new address.
const RETRY_MS = [500, 1000, 2000, 4000, 8000, 16000];

/** Follow /ws/live; call onLive for each message. */
export class LiveSocket {
  constructor({ onLive, stats }) {
    this.onLive = onLive;
    this.stats = stats;
    this.failures = 0;
    this.isClosed = false;
    this.connect();
  }

  connect() {
    this.clock = []; // [round trip ms, server seconds minus performance.now() / 1000]
    this.unacknowledged = 0;
    this.socket = new WebSocket(`ws://${location.host}/ws/live`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      this.failures = 0;
      this.ping(BURST_PINGS);
    };
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = () => {
      clearTimeout(this.pinger);
      if (this.isClosed || this.failures === RETRY_MS.length) return;
      this.retry = setTimeout(() => this.connect(), RETRY_MS[this.failures++]);
    };
  }

  receive(buffer) {
    const message = decode(buffer);
    if (message.type !== LIVE) {
      this.readClock(message);
      return;
    }
    this.stats.messages += 1;
    this.stats.sequence = message.sequence;
    if (++this.unacknowledged >= ACK_EVERY) {
      this.unacknowledged = 0;
      this.send(encodeAck(message.sequence));
    }
    this.onLive(message);
  }

  ping(burst) {
    this.send(encodePing(performance.now()));
    this.pinger = setTimeout(() => this.ping(burst - 1), burst > 1 ? BURST_MS : PING_MS);
  }

  // The exchange with the shortest round trip has the least doubt about when the server answered.
  readClock(pong) {
    const now = performance.now();
    const roundTrip = now - pong.clientMs;
    const offset = pong.serverS - (pong.clientMs + roundTrip / 2) / 1000;
    this.clock.push([roundTrip, offset]);
    if (this.clock.length > PINGS_KEPT) this.clock.shift();
    const best = this.clock.reduce((a, b) => (b[0] < a[0] ? b : a));
    this.offsetS = best[1];
    Object.assign(this.stats, {
      dropped: pong.dropped,
      queueP50Ms: pong.queueP50Ms,
      queueP99Ms: pong.queueP99Ms,
      roundTripMs: best[0],
    });
  }

  /** Tell the server that `frame` was on screen at performance.now() = `atMs`. */
  reportDrawn(frame, atMs, fps, isCue) {
    if (this.clock.length < PINGS_TRUSTED || frame < 0) return;
    this.stats.reports += 1;
    this.send(encodeDrawn(frame, atMs / 1000 + this.offsetS, fps, isCue));
  }

  send(buffer) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(buffer);
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.retry);
    clearTimeout(this.pinger);
    this.socket.close();
  }
}
