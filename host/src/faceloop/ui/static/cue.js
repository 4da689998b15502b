// What an alert looks and sounds like. One cue at a time; the words come from the server.

import { sound } from "/assets/sound.js";

const SHOWN_MS = 2500; // an alert that ended at once still stays readable
const LONGEST_MS = 8000; // and one whose end got lost goes away
const MARK_MS = 700;

export class Cues {
  constructor(area) {
    this.now = area.querySelector("[data-now]");
    this.text = area.querySelector("[data-alert]");
    this.caption = area.querySelector("[data-caption]");
  }

  /** Show an event; return whether anything became visible. */
  take(event, panel) {
    if (event.kind === "onset_cue") {
      this.mark(panel, "onset");
      return panel !== undefined;
    }
    if (event.kind === "synkinesis") {
      this.mark(panel, "alert");
      this.show(event.text);
      return true;
    }
    if (event.kind === "synkinesis_end") this.endAfter(SHOWN_MS - (performance.now() - this.since));
    return false;
  }

  mark(panel, kind) {
    if (panel === undefined) return;
    panel.section.dataset.cue = kind;
    clearTimeout(panel.cueTimer);
    panel.cueTimer = setTimeout(() => delete panel.section.dataset.cue, MARK_MS);
  }

  show(text) {
    this.since = performance.now();
    this.now.dataset.now = "alert";
    this.text.textContent = text;
    const isHeard = sound.cue();
    this.caption.hidden = !isHeard || document.documentElement.dataset.captions === "off";
    this.endAfter(LONGEST_MS);
  }

  endAfter(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.hide(), Math.max(0, ms));
  }

  hide() {
    this.now.dataset.now = "";
    this.text.textContent = "";
    this.caption.hidden = true;
  }

  close() {
    clearTimeout(this.timer);
  }
}
