// What a repetition asks for and where both sides are: two bars with the target band, or one shape
// whose halves grow with the sides. No face, no numbers. Drawn from the guide of each LIVE message.

import { sound } from "/assets/sound.js";

// What is above the band has room for half of the target more.
const HEADROOM = 1.6;
// With reduced motion the drawing changes in quarters of the target, four times a second at most.
const STEPS = 4;
const STEP_MS = 250;
const LEAST_PX = 40;

export class GuidePanel {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.guide = null;
    this.channels = []; // shares the interface of MusclePanel; it marks no columns
    this.steppedMs = -Infinity;
    this.resize();
  }

  push(message) {
    this.guide = message.guide;
    const guide = this.guide;
    if (guide?.isJoined && !this.wasJoined) sound.cue();
    this.wasJoined = guide?.isJoined ?? false;
    if (guide && guide.volume > 0) sound.follow(guide.pitch, guide.volume);
    else sound.silence();
  }

  mark() {}

  resize() {
    const style = getComputedStyle(this.canvas);
    const color = (name) => style.getPropertyValue(name).trim();
    this.colors = {
      surface: color("--surface"),
      track: color("--track"),
      ink: color("--ink"),
      quiet: color("--quiet"),
      cue: color("--alert"),
      sides: [color("--left"), color("--right")],
    };
    this.ratio = window.devicePixelRatio || 1;
    const box = this.canvas.getBoundingClientRect();
    this.canvas.width = Math.max(1, Math.round(box.width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * this.ratio));
    this.drawn = "";
  }

  paint() {
    if (this.canvas.width < LEAST_PX || this.canvas.height < LEAST_PX) return; // not shown now
    const view = this.view();
    const key = JSON.stringify(view);
    if (key === this.drawn) return;
    if (this.isCalm && this.drawn && performance.now() - this.steppedMs < STEP_MS) return;
    this.steppedMs = performance.now();
    this.drawn = key;
    const { context, canvas } = this;
    context.fillStyle = this.colors.surface;
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (this.canvas.dataset.form === "shape") this.paintShape(view);
    else this.paintBars(view);
  }

  get isCalm() {
    const chosen = document.documentElement.dataset.motion;
    return chosen === "reduced" || matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  /** What is to be seen, in thousandths of the full height, so that equal views are drawn once. */
  view() {
    const guide = this.guide;
    if (!guide || guide.phase === "none") return { sides: [0, 0] };
    // The band's half width is the same all the way.
    const full = HEADROOM * (guide.hold + guide.high - guide.goal);
    const step = this.isCalm ? 1000 / HEADROOM / STEPS : 1;
    const share = (value) => {
      if (!(value >= 0)) return 0;
      return Math.round((1000 * Math.min(1, value / full)) / step) * step;
    };
    const fine = (value) => Math.round((1000 * value) / full);
    const isKnown = guide.isShown && !guide.isMuted && guide.shares.every((s) => s >= 0);
    return {
      low: fine(guide.low),
      high: fine(guide.high),
      hold: fine(guide.hold),
      sides: isKnown ? guide.shares.map(share) : [0, 0],
      known: isKnown,
      joined: guide.isJoined,
      moving: ["rise", "hold", "release"].includes(guide.phase),
    };
  }

  paintBars({ low, high, hold, sides, known, joined, moving }) {
    const { context, canvas, colors, ratio } = this;
    const width = Math.min(canvas.width, Math.round(480 * ratio));
    const x0 = Math.round((canvas.width - width) / 2);
    const pad = Math.round(10 * ratio);
    const bottom = canvas.height - pad;
    const height = canvas.height - 2 * pad;
    const barWidth = Math.round(width * 0.28);
    const gap = Math.round(width * 0.05);
    const xs = [x0 + width / 2 - gap - barWidth, x0 + width / 2 + gap];
    const y = (thousandths) => bottom - (thousandths / 1000) * height;
    sides.forEach((side, i) => {
      this.round(xs[i], bottom - height, barWidth, height, colors.track);
      if (known && side > 0) this.round(xs[i], y(side), barWidth, bottom - y(side), colors.sides[i]);
    });
    if (hold > 0) this.line(x0, y(hold), width, colors.quiet, [4 * ratio, 6 * ratio]);
    if (moving) {
      const top = y(high);
      context.lineWidth = 3 * ratio;
      context.strokeStyle = joined ? colors.cue : colors.ink;
      context.setLineDash(joined ? [10 * ratio, 6 * ratio] : []);
      const tall = Math.max(3 * ratio, y(low) - top);
      context.strokeRect(x0 + context.lineWidth, top, width - 2 * context.lineWidth, tall);
      context.setLineDash([]);
    }
  }

  /** Two halves around one middle: round when both sides reach the ring together. */
  paintShape({ low, high, hold, sides, known, joined, moving }) {
    const { context, canvas, colors, ratio } = this;
    const x = canvas.width / 2;
    const y = canvas.height / 2;
    const most = Math.min(canvas.width, canvas.height) / 2 - 8 * ratio;
    const least = 0.16 * most;
    const radius = (thousandths) => least + (thousandths / 1000) * (most - least);
    sides.forEach((side, i) => {
      const r = known ? radius(side) : least;
      const from = i === 0 ? Math.PI / 2 : -Math.PI / 2;
      context.beginPath();
      context.moveTo(x, y);
      // A plain half disc: no half looks like half a face.
      context.ellipse(x + (i === 0 ? -ratio : ratio), y, r, r, 0, from, from + Math.PI);
      context.closePath();
      context.fillStyle = known ? colors.sides[i] : colors.track;
      context.fill();
    });
    const ring = (thousandths, widthPx, dash) => {
      context.beginPath();
      context.setLineDash(dash);
      context.lineWidth = widthPx;
      context.arc(x, y, Math.max(1, radius(thousandths)), 0, 2 * Math.PI);
      context.stroke();
    };
    context.strokeStyle = colors.quiet;
    if (hold > 0) ring(hold, 2 * ratio, [4 * ratio, 6 * ratio]);
    context.strokeStyle = joined ? colors.cue : colors.ink;
    if (moving) {
      const dash = joined ? [10 * ratio, 6 * ratio] : [];
      ring(high, 3 * ratio, dash);
      ring(low, 3 * ratio, dash);
    }
    context.setLineDash([]);
  }

  round(x, y, w, h, color) {
    this.context.fillStyle = color;
    this.context.beginPath();
    this.context.roundRect(x, y, w, h, Math.min(10 * this.ratio, h / 2, w / 2));
    this.context.fill();
  }

  line(x, y, width, color, dash) {
    const { context, ratio } = this;
    context.strokeStyle = color;
    context.lineWidth = 2 * ratio;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + width, y);
    context.stroke();
    context.setLineDash([]);
  }

  close() {
    sound.silence();
  }
}
