// Whether faceloop still runs, as a NiceGUI element: says so in words built in Python (pages.py)
// when it is gone, and stops asking after half a minute, or at once when the session has ended.

const ATTEMPTS = 8;
const LOOK_MS = 100;

export default {
  props: { hasEnded: Boolean },
  data: () => ({ isGone: false }),
  render() {
    return Vue.h("div", { hidden: !this.isGone }, this.$slots.default?.());
  },
  mounted() {
    // NiceGUI makes its socket after the first elements are there.
    this.looking = setInterval(() => this.watch(), LOOK_MS);
  },
  methods: {
    say(isGone) {
      this.isGone = isGone;
      const controls = document.querySelectorAll(".fl-root :is(button, input, select, textarea)");
      for (const control of controls) control.disabled = isGone; // nobody would take what is said
    },
    watch() {
      if (!window.socket) return;
      clearInterval(this.looking);
      window.socket.io.reconnectionAttempts(ATTEMPTS);
      window.socket.on("connect", () => this.say(false));
      window.socket.on("connect_error", () => this.say(!this.hasEnded));
      window.socket.on("disconnect", () => {
        this.say(!this.hasEnded);
        if (this.hasEnded) window.socket.disconnect(); // all has been said
      });
    },
  },
  unmounted() {
    clearInterval(this.looking);
  },
};
