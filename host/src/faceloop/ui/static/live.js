// The live part of a page as a NiceGUI element: its HTML is built in Python (pages.py);
// this finds the canvases in it and keeps them, the cues and the reports to the server going.

import { Cues } from "/assets/cue.js";
import { GuidePanel } from "/assets/guide.js";
import { MusclePanel } from "/assets/panel.js";
import { LiveSocket } from "/assets/socket.js";
import { sound } from "/assets/sound.js";

const REPORT_MS = 250;
const MARKS = { onset_cue: 1, synkinesis: 2 };

class LiveArea {
  constructor(area) {
    this.area = area;
    this.stats = {
      fps: 0,
      draws: 0,
      messages: 0,
      sequence: 0,
      dropped: 0,
      reports: 0,
      cues: 0,
      queueP50Ms: NaN,
      queueP99Ms: NaN,
      roundTripMs: NaN,
      lastFrame: -1,
      ageMs: NaN, // of the newest drawn frame: from the electrode to the screen
      soundState: "none",
    };
    window.faceloop = { ...window.faceloop, stats: this.stats };
    this.panels = [...area.querySelectorAll("[data-muscle]")].map((s) => new MusclePanel(s));
    for (const canvas of area.querySelectorAll("canvas[data-guide]")) {
      this.panels.push(new GuidePanel(canvas));
    }
    // Where the training leads it tells what matters itself, one thing at a time.
    this.cues = area.querySelector("[data-alert]") ? new Cues(area) : null;
    this.events = [];
    this.lastReportMs = 0;
    this.drawsMs = [];
    this.watchLooks();
    // A task queued in a frame callback runs after that frame was painted.
    this.afterPaint = new MessageChannel();
    this.afterPaint.port1.onmessage = () => this.report(performance.now());
    this.socket = new LiveSocket({
      stats: this.stats,
      onLive: (message) => this.receive(message),
    });
  }

  watchLooks() {
    const redo = () => {
      for (const panel of this.panels) panel.resize();
      this.schedule();
    };
    this.sizes = new ResizeObserver(redo);
    for (const panel of this.panels) this.sizes.observe(panel.canvas);
    this.themes = new MutationObserver(redo);
    this.themes.observe(document.documentElement, { attributeFilter: ["data-theme", "data-palette", "data-size"] });
    this.looks = new AbortController();
    const options = { signal: this.looks.signal };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redo, options);
    document.addEventListener("visibilitychange", redo, options);
  }

  receive(message) {
    for (const panel of this.panels) panel.push(message);
    for (const event of message.events) {
      this.events.push({ ...event, column: Math.floor(event.frame / message.columnFrames) });
    }
    this.newestFrame = message.lastFrame;
    this.newestElectrodeS = message.electrodeTimeS;
    this.schedule();
  }

  schedule() {
    this.request ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.request = undefined;
    this.cueFrames = [];
    for (const event of this.events) this.takeEvent(event);
    this.events.length = 0;
    for (const panel of this.panels) panel.paint();
    this.stats.draws += 1;
    this.drawnFrame = this.newestFrame ?? -1;
    this.afterPaint.port2.postMessage(0);
  }

  takeEvent(event) {
    const panel = this.panels.find((p) => p.channels.includes(event.channel));
    const mark = MARKS[event.kind];
    if (mark && event.frame >= 0) panel?.mark(event.channel, event.column, mark);
    if (this.cues?.take(event, panel)) {
      this.stats.cues += 1;
      if (event.frame >= 0) this.cueFrames.push(event.frame);
    }
  }

  report(nowMs) {
    this.drawsMs.push(nowMs);
    while (this.drawsMs[0] <= nowMs - 1000) this.drawsMs.shift();
    this.stats.fps = this.drawsMs.length;
    this.stats.lastFrame = this.drawnFrame;
    this.stats.ageMs = nowMs + 1000 * (this.socket.offsetS - this.newestElectrodeS);
    this.stats.soundState = sound.state;
    for (const frame of this.cueFrames) this.socket.reportDrawn(frame, nowMs, this.stats.fps, true);
    this.cueFrames = [];
    if (nowMs - this.lastReportMs >= REPORT_MS) {
      this.lastReportMs = nowMs;
      this.socket.reportDrawn(this.drawnFrame, nowMs, this.stats.fps, false);
    }
  }

  close() {
    cancelAnimationFrame(this.request);
    this.looks.abort();
    this.sizes.disconnect();
    this.themes.disconnect();
    this.afterPaint.port1.close();
    this.cues?.close();
    for (const panel of this.panels) panel.close?.();
    this.socket.close();
  }
}

export default {
  render() {
    return Vue.h("div", null, this.$slots.default?.());
  },
  mounted() {
    this.live = Vue.markRaw(new LiveArea(this.$el));
  },
  unmounted() {
    this.live?.close();
  },
};
