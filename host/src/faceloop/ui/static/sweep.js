// One channel's trace, drawn like a patient monitor: new columns overwrite the oldest, with a
// small gap ahead. Only pixels that changed are painted.

import { GAP } from "/assets/wire.js";

const GAP_AHEAD_CSS_PX = 14;

/** The last sweep of one channel: a ring of (min, max) columns, in counts. */
export class Sweep {
  constructor(nColumns) {
    this.n = nColumns;
    this.min = new Int16Array(nColumns).fill(GAP);
    this.max = new Int16Array(nColumns).fill(GAP);
    this.cue = new Uint8Array(nColumns);
    this.next = -1; // number of the column to come
    this.drawn = -1; // every column before this one is on screen
  }

  /** Take columns [first, first + n) of one channel; `at` is where they start in `pairs`. */
  push(first, pairs, at, n) {
    if (this.next < 0 || first < this.next - this.n || first > this.next + this.n) {
      this.min.fill(GAP);
      this.max.fill(GAP);
      this.cue.fill(0);
      this.next = first;
      this.drawn = -1;
    }
    for (; this.next < first; this.next++) this.put(this.next, GAP, GAP);
    for (let i = 0; i < n; i++) this.put(first + i, pairs[at + 2 * i], pairs[at + 2 * i + 1]);
    this.next = Math.max(this.next, first + n);
  }

  put(column, min, max) {
    const slot = column % this.n;
    this.min[slot] = min;
    this.max[slot] = max;
    this.cue[slot] = 0;
  }

  /** Mark a column: 1 a muscle began, 2 an alert. */
  mark(column, kind) {
    if (column >= this.next - this.n && column < this.next) {
      this.cue[column % this.n] = kind;
      this.drawn = Math.min(this.drawn, column);
    }
  }

  /** Paint what changed into box {x, y, w, h} (device pixels). */
  paint(context, box, colors, scaleCounts, ratio) {
    if (this.next < 0) return;
    if (this.drawn < 0 || this.next - this.drawn >= this.n) {
      this.paintAll(context, box, colors, scaleCounts, ratio);
      return;
    }
    if (this.drawn === this.next) return;
    const from = this.pixel(this.drawn, box);
    const to = this.pixel(this.next - 1, box);
    const count = ((to - from + box.w) % box.w) + 1;
    this.clear(context, box, from, count + Math.round(GAP_AHEAD_CSS_PX * ratio), colors);
    for (let i = 0; i < count; i++) {
      this.paintPixel(context, box, (from + i) % box.w, colors, scaleCounts, ratio);
    }
    this.drawn = this.next;
  }

  paintAll(context, box, colors, scaleCounts, ratio) {
    this.clear(context, box, 0, box.w, colors);
    if (this.next < 0) return;
    const gap = Math.round(GAP_AHEAD_CSS_PX * ratio);
    const head = this.pixel(this.next - 1, box);
    for (let x = 0; x < box.w; x++) {
      if ((x - head - 1 + box.w) % box.w >= gap) {
        this.paintPixel(context, box, x, colors, scaleCounts, ratio);
      }
    }
    this.drawn = this.next;
  }

  pixel(column, box) {
    return Math.floor(((column % this.n) * box.w) / this.n);
  }

  clear(context, box, from, count, colors) {
    const line = Math.floor(box.y + box.h / 2);
    const pieces = [
      [from, Math.min(count, box.w - from)],
      [0, Math.min(from, from + count - box.w)],
    ];
    for (const [x, w] of pieces) {
      if (w <= 0) continue;
      context.fillStyle = colors.surface;
      context.fillRect(box.x + x, box.y, w, box.h);
      context.fillStyle = colors.line;
      context.fillRect(box.x + x, line, w, 1);
    }
  }

  paintPixel(context, box, x, colors, scaleCounts, ratio) {
    const from = Math.floor((x * this.n) / box.w);
    const to = Math.max(from + 1, Math.ceil(((x + 1) * this.n) / box.w));
    let low = Infinity;
    let high = -Infinity;
    let cue = 0;
    for (let slot = from; slot < to; slot++) {
      cue = Math.max(cue, this.cue[slot]);
      if (this.min[slot] === GAP) continue;
      low = Math.min(low, this.min[slot]);
      high = Math.max(high, this.max[slot]);
    }
    const half = box.h / 2;
    const y = (counts) => box.y + half - Math.max(-1, Math.min(1, counts / scaleCounts)) * (half - 1);
    if (low <= high) {
      const top = Math.floor(y(high));
      context.fillStyle = colors.trace;
      context.fillRect(box.x + x, top, 1, Math.max(Math.ceil(ratio), Math.ceil(y(low)) - top));
    }
    if (cue > 0) {
      context.fillStyle = cue === 1 ? colors.quiet : colors.cue;
      context.fillRect(box.x + x, box.y, Math.max(1, Math.round(cue * ratio)), box.h);
    }
  }
}
