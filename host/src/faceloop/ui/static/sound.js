// The page's one voice. Browsers allow sound only after a key or a click, so this listens for the
// first one from the moment it is loaded (shell.js). Volume and on/off are the person's choice.

const CUE_APART_MS = 1200;
const CUE_HZ = [392, 294];
// The tone that follows a movement: a fifth from rest to the target, and another above the band.
const FOLLOW_HZ = [174, 392];
const FOLLOW_GAIN = 0.07;
const GLIDE_S = 0.04;

class Sound {
  constructor() {
    this.lastCueMs = -Infinity;
    this.wake = () => {
      this.context ??= new AudioContext();
      if (this.context.state === "suspended") this.context.resume();
    };
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, this.wake);
    if (navigator.userActivation?.hasBeenActive) this.wake();
  }

  get state() {
    return this.context?.state ?? "none";
  }

  get isOn() {
    return document.documentElement.dataset.sound !== "off" && this.state === "running";
  }

  /** Where everything goes through: the chosen volume, by ear rather than by number. */
  get output() {
    this.master ??= new GainNode(this.context);
    if (!this.isConnected) {
      this.master.connect(this.context.destination);
      this.isConnected = true;
    }
    const share = Number(document.documentElement.dataset.volume ?? 60) / 100;
    this.master.gain.value = 2 * share * share;
    return this.master;
  }

  /** Two soft falling tones: a quiet muscle joined in. Return whether it plays. */
  cue() {
    if (!this.isOn) return false;
    const now = performance.now();
    if (now - this.lastCueMs < CUE_APART_MS) return true;
    this.lastCueMs = now;
    this.hush(0.6);
    const start = this.context.currentTime;
    this.tone(CUE_HZ[0], start);
    this.tone(CUE_HZ[1], start + 0.16);
    return true;
  }

  /** One soft tone: a part begins. */
  tick() {
    if (this.isOn) this.tone(330, this.context.currentTime, 0.06);
  }

  tone(hz, start, loudness = 0.12) {
    const oscillator = new OscillatorNode(this.context, { type: "sine", frequency: hz });
    const gain = new GainNode(this.context, { gain: 0 });
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(loudness, start + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.001, start + 0.32);
    oscillator.connect(gain).connect(this.output);
    oscillator.start(start);
    oscillator.stop(start + 0.34);
  }

  /** Let pitch (0 rest, 0.5 target, 1 above the band) and volume (0-1) follow a movement. */
  follow(pitch, volume) {
    if (!this.isOn) return this.silence();
    const now = this.context.currentTime;
    if (this.voice === undefined) {
      const oscillator = new OscillatorNode(this.context, { type: "sine" });
      const gain = new GainNode(this.context, { gain: 0 });
      oscillator.connect(gain).connect(this.output);
      oscillator.start();
      this.voice = { oscillator, gain };
    }
    const hz = FOLLOW_HZ[0] * (FOLLOW_HZ[1] / FOLLOW_HZ[0]) ** Math.min(1, pitch || 0);
    this.voice.oscillator.frequency.setTargetAtTime(hz, now, GLIDE_S);
    const isHushed = now < (this.hushedUntilS ?? 0);
    const loudness = isHushed ? 0 : FOLLOW_GAIN * Math.min(1, volume || 0);
    this.voice.gain.gain.setTargetAtTime(loudness, now, GLIDE_S);
  }

  /** One sound at a time: the following tone keeps still for a cue. */
  hush(seconds) {
    this.hushedUntilS = this.context.currentTime + seconds;
    this.voice?.gain.gain.setTargetAtTime(0, this.context.currentTime, 0.01);
  }

  silence() {
    if (this.voice === undefined) return;
    this.voice.gain.gain.setTargetAtTime(0, this.context.currentTime, GLIDE_S);
    this.voice.oscillator.stop(this.context.currentTime + 0.3);
    this.voice = undefined;
  }
}

export const sound = new Sound();
