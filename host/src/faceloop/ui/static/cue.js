// What an alert looks and sounds like. One cue at a time; the words come from the server.

const SHOWN_MS = 2500; // an alert that ended at once still stays readable
const LONGEST_MS = 8000; // and one whose end got lost goes away
const MARK_MS = 700;
const SOUND_APART_MS = 1200;

export class Cues {
  constructor(area) {
    this.now = area.querySelector("[data-now]");
    this.text = area.querySelector("[data-alert]");
    this.caption = area.querySelector("[data-caption]");
    this.sound = new SoftSound();
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
    this.caption.hidden = !this.sound.play();
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
    this.sound.close();
  }
}

/** Two soft falling tones. Browsers allow sound only after a key or a click. */
class SoftSound {
  constructor() {
    this.lastMs = -Infinity;
    this.wake = () => {
      this.context ??= new AudioContext();
      if (this.context.state === "suspended") this.context.resume();
    };
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, this.wake);
    if (navigator.userActivation?.hasBeenActive) this.wake();
  }

  /** Return whether the sound plays. */
  play() {
    const isOn = document.documentElement.dataset.sound !== "off";
    if (!isOn || this.context?.state !== "running") return false;
    const now = performance.now();
    if (now - this.lastMs < SOUND_APART_MS) return true;
    this.lastMs = now;
    const start = this.context.currentTime;
    this.tone(392, start);
    this.tone(294, start + 0.16);
    return true;
  }

  tone(hz, start) {
    const oscillator = new OscillatorNode(this.context, { type: "sine", frequency: hz });
    const gain = new GainNode(this.context, { gain: 0 });
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(0.12, start + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.001, start + 0.32);
    oscillator.connect(gain).connect(this.context.destination);
    oscillator.start(start);
    oscillator.stop(start + 0.34);
  }

  close() {
    for (const kind of ["pointerdown", "keydown"]) document.removeEventListener(kind, this.wake);
    this.context?.close();
  }
}
