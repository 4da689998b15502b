// A mirror by webcam as a NiceGUI element. The picture stays in this page: it is drawn and forgotten,
// never stored, never sent. "left" or "right" shows that half of the face twice, as a whole face.

export default {
  props: { mode: String, label: String, failed: String },
  data: () => ({ hasFailed: false }),
  render() {
    if (this.hasFailed) return Vue.h("p", { class: "fl-mirror-failed", role: "alert" }, this.failed);
    return Vue.h("canvas", { class: "fl-mirror", role: "img", "aria-label": this.label });
  },
  async mounted() {
    try {
      const video = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" };
      this.stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    } catch {
      this.hasFailed = true; // no camera, or not allowed: the training goes on without
      return;
    }
    if (this.isGone) return this.stop();
    this.video = document.createElement("video");
    this.video.muted = true;
    this.video.srcObject = this.stream;
    await this.video.play();
    this.next();
  },
  beforeUnmount() {
    this.isGone = true;
    this.stop();
  },
  methods: {
    next() {
      if (this.isGone) return;
      this.video.requestVideoFrameCallback(() => {
        this.draw();
        this.next();
      });
    },
    draw() {
      const canvas = this.$el;
      const { videoWidth: width, videoHeight: height } = this.video;
      if (canvas.width !== width || canvas.height !== height) {
        canvas.width = width;
        canvas.height = height;
      }
      const context = (this.context ??= canvas.getContext("2d", { alpha: false }));
      const half = Math.floor(width / 2);
      // As in a mirror the person's left is on the left of the picture.
      context.setTransform(-1, 0, 0, 1, width, 0);
      context.drawImage(this.video, 0, 0);
      context.setTransform(-1, 0, 0, 1, width, 0);
      if (this.mode === "left") context.drawImage(canvas, 0, 0, half, height, 0, 0, half, height);
      if (this.mode === "right") {
        context.drawImage(canvas, width - half, 0, half, height, width - half, 0, half, height);
      }
      context.setTransform(1, 0, 0, 1, 0, 0);
    },
    stop() {
      for (const track of this.stream?.getTracks() ?? []) track.stop();
    },
  },
};
