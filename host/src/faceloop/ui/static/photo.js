// The photo of where the electrodes sit, as a NiceGUI element: a camera picture, a button's key press,
// and one file on this computer. It goes to our own server on this computer and nowhere else.

const QUALITY = 0.85;
const PATH = "/photo";

export default {
  props: { isOn: Boolean, take: Number, stamp: String, label: String, oldLabel: String, failed: String },
  emits: ["saved"],
  data: () => ({ hasFailed: false }),
  render() {
    const parts = [];
    if (this.isOn && !this.hasFailed) {
      parts.push(Vue.h("video", { class: "fl-photo", muted: true, "aria-label": this.label }));
    }
    if (this.stamp) {
      parts.push(
        Vue.h("img", { class: "fl-photo", src: `${PATH}?${this.stamp}`, alt: this.oldLabel }),
      );
    }
    if (this.hasFailed) parts.push(Vue.h("p", { role: "alert" }, this.failed));
    return Vue.h("div", { class: "fl-photos" }, parts);
  },
  watch: {
    isOn(isOn) {
      if (isOn) this.open();
      else this.stop();
    },
    take() {
      this.save();
    },
  },
  beforeUnmount() {
    this.isGone = true;
    this.stop();
  },
  methods: {
    async open() {
      this.hasFailed = false;
      try {
        const video = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" };
        this.stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
      } catch {
        this.hasFailed = true;
        return;
      }
      if (this.isGone || !this.isOn) return this.stop();
      const shown = this.$el.querySelector("video");
      shown.srcObject = this.stream;
      await shown.play();
    },
    async save() {
      const shown = this.$el.querySelector("video");
      if (!shown?.videoWidth) return;
      const canvas = document.createElement("canvas");
      canvas.width = shown.videoWidth;
      canvas.height = shown.videoHeight;
      const context = canvas.getContext("2d");
      context.setTransform(-1, 0, 0, 1, canvas.width, 0); // as in the mirror it was taken by
      context.drawImage(shown, 0, 0);
      const picture = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
      const answer = await fetch(PATH, {
        method: "POST",
        headers: { "Content-Type": "image/jpeg", "X-Faceloop": "1" },
        body: picture,
      }).catch(() => null);
      if (answer?.ok) this.$emit("saved", "");
      else this.hasFailed = true;
    },
    stop() {
      for (const track of this.stream?.getTracks() ?? []) track.stop();
      this.stream = undefined;
    },
  },
};
