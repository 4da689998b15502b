// Tells the server once a second that this page is seen, as a NiceGUI element: while heat is on, the
// lease lives on it. A hidden tab, a sleeping or a closed browser says nothing.

const BEAT_MS = 1000;

export default {
  render() {
    return Vue.h("span", { hidden: true });
  },
  mounted() {
    this.beating = setInterval(() => {
      if (document.visibilityState === "visible") this.$emit("beat");
    }, BEAT_MS);
  },
  unmounted() {
    clearInterval(this.beating);
  },
};
