// One muscle: left trace, two bars that grow from the middle of the face outwards, right trace.

import { Sweep } from "/assets/sweep.js";

const COLUMNS_PER_S = 200;
const SWEEP_S = 6;
const WIDE_FROM_CSS_PX = 620;
// The scale grows at once when a trace leaves it and comes back only after a long calm, so that
// a bar's length keeps its meaning. 20 uV still shows a muscle of a few microvolts.
const SCALES_UV = [20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 3000];
const FIRST_SCALE_UV = 50;
const CALM_S = 20;
// A bar is the 100 ms RMS; the peaks of EMG are about three times its RMS.
const PEAK_PER_RMS = 3;

export class MusclePanel {
  constructor(section) {
    this.section = section;
    this.canvas = section.querySelector("canvas");
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.scaleText = section.querySelector("[data-scale]");
    this.channels = [Number(section.dataset.left), Number(section.dataset.right)];
    this.sweeps = this.channels.map(() => new Sweep(SWEEP_S * COLUMNS_PER_S));
    this.envelopeUv = [NaN, NaN];
    this.restUv = [NaN, NaN];
    this.lsbUv = 0.1;
    this.peakUv = 0;
    this.calmColumns = 0;
    this.setScale(FIRST_SCALE_UV);
    this.resize();
  }

  push(message) {
    this.lsbUv = message.lsbUv;
    this.channels.forEach((channel, side) => {
      const at = 2 * channel * message.nColumns;
      this.sweeps[side].push(message.firstColumn, message.columns, at, message.nColumns);
      this.envelopeUv[side] = message.envelopeUv[channel];
      this.restUv[side] = message.restUv[channel];
      for (let i = at; i < at + 2 * message.nColumns; i++) {
        if (message.columns[i] === -32768) continue;
        this.peakUv = Math.max(this.peakUv, Math.abs(message.columns[i]) * this.lsbUv);
      }
    });
    this.rescale(message.nColumns);
  }

  rescale(nColumns) {
    const larger = SCALES_UV.find((scale) => scale >= this.peakUv) ?? SCALES_UV.at(-1);
    if (larger > this.scaleUv) {
      this.setScale(larger);
      return;
    }
    this.calmColumns += nColumns;
    if (this.calmColumns < CALM_S * COLUMNS_PER_S) return;
    const smaller = SCALES_UV.find((scale) => scale >= 1.5 * this.peakUv) ?? this.scaleUv;
    this.setScale(Math.min(this.scaleUv, smaller));
  }

  setScale(scaleUv) {
    this.peakUv = 0;
    this.calmColumns = 0;
    if (scaleUv === this.scaleUv) return;
    this.scaleUv = scaleUv;
    this.scaleText.textContent = `±${scaleUv} µV`;
    this.isStale = true;
  }

  mark(channel, column, kind) {
    const side = this.channels.indexOf(channel);
    if (side >= 0) this.sweeps[side].mark(column, kind);
  }

  /** Read size and colours anew; the next paint draws everything. */
  resize() {
    const style = getComputedStyle(this.canvas);
    const color = (name) => style.getPropertyValue(name).trim();
    this.colors = {
      surface: color("--surface"),
      line: color("--line"),
      track: color("--track"),
      ink: color("--ink"),
      cue: color("--alert"),
      quiet: color("--quiet"),
      sides: [color("--left"), color("--right")],
    };
    this.ratio = window.devicePixelRatio || 1;
    const box = this.canvas.getBoundingClientRect();
    this.canvas.width = Math.max(1, Math.round(box.width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * this.ratio));
    this.boxes = layout(this.canvas.width, this.canvas.height, box.width, this.ratio);
    this.isStale = true;
  }

  paint() {
    const { context, colors } = this;
    if (this.isStale) {
      context.fillStyle = colors.surface;
      context.fillRect(0, 0, this.canvas.width, this.canvas.height);
      this.barWidths = [];
    }
    const scaleCounts = this.scaleUv / this.lsbUv;
    this.sweeps.forEach((sweep, side) => {
      const palette = { ...colors, trace: colors.sides[side] };
      const box = this.boxes.traces[side];
      if (this.isStale) sweep.paintAll(context, box, palette, scaleCounts, this.ratio);
      else sweep.paint(context, box, palette, scaleCounts, this.ratio);
      this.paintBar(side);
    });
    this.isStale = false;
  }

  paintBar(side) {
    const { context, colors, ratio } = this;
    const box = this.boxes.bars[side];
    const fullUv = this.scaleUv / PEAK_PER_RMS;
    const pixels = (uv) => (uv >= 0 ? Math.round(Math.min(1, uv / fullUv) * box.w) : -1);
    const length = pixels(this.envelopeUv[side]);
    const rest = pixels(this.restUv[side]);
    const known = this.barWidths[side];
    if (known && known[0] === length && known[1] === rest) return;
    this.barWidths[side] = [length, rest];
    const strip = (from, width, y, h, color, radius = 0) => {
      context.fillStyle = color;
      const x = side === 0 ? box.x + box.w - from - width : box.x + from;
      context.beginPath();
      // Round at the far end only: both bars are rooted in the midline of the face.
      const r = Math.min(radius, width);
      context.roundRect(x, y, width, h, side === 0 ? [r, 0, 0, r] : [0, r, r, 0]);
      context.fill();
    };
    const over = Math.round(5 * ratio);
    const round = Math.round(7 * ratio);
    strip(0, box.w, box.y - over, box.h + 2 * over, colors.surface);
    strip(0, box.w, box.y, box.h, colors.track, round);
    if (length > 0) strip(0, length, box.y, box.h, colors.sides[side], round);
    if (rest >= 0) {
      const width = Math.max(2, Math.round(2 * ratio));
      strip(Math.max(0, rest - width), width, box.y - over, box.h + 2 * over, colors.ink);
    }
  }
}

/** Place traces and bars, in device pixels: side by side when wide, bars above when narrow. */
function layout(width, height, cssWidth, ratio) {
  const px = (css) => Math.round(css * ratio);
  const middle = Math.round(width / 2);
  const seam = px(3); // half of the space between the two bars: the midline of the face
  const bar = (x, y, w, h) => ({ x, y, w: Math.max(1, w), h });
  if (cssWidth >= WIDE_FROM_CSS_PX) {
    const barWidth = Math.round(width * 0.15);
    const h = px(26);
    const y = Math.round((height - h) / 2);
    const traceWidth = middle - seam - barWidth - px(20);
    return {
      traces: [
        { x: 0, y: 0, w: traceWidth, h: height },
        { x: width - traceWidth, y: 0, w: traceWidth, h: height },
      ],
      bars: [
        bar(middle - seam - barWidth, y, barWidth, h),
        bar(middle + seam, y, barWidth, h),
      ],
    };
  }
  const h = px(22);
  const y = px(5);
  const top = y + h + px(8);
  const traceWidth = middle - px(6);
  return {
    traces: [
      { x: 0, y: top, w: traceWidth, h: height - top },
      { x: width - traceWidth, y: top, w: traceWidth, h: height - top },
    ],
    bars: [bar(0, y, middle - seam, h), bar(middle + seam, y, width - middle - seam, h)],
  };
}
