// The page around the pages, as a NiceGUI element that shows nothing: it applies the person's choices
// to <html>, keeps address, title and keyboard focus in step, and says when Back was pressed.

import { sound } from "/assets/sound.js";

// "The sounds" of the settings page: first the cue, then the tone that follows a movement.
const TRY_S = 2.4;

export default {
  props: {
    looks: Object, // data-* of <html>
    language: String,
    path: String,
    title: String,
    focus: String, // selector of what gets the keyboard; empty: the heading
    turn: Number, // counts the pages shown
  },
  emits: ["go"],
  render() {
    return Vue.h("span", { hidden: true });
  },
  mounted() {
    this.applyLooks();
    document.title = this.title;
    history.replaceState(null, "", this.path);
    this.onPop = () => {
      if (location.pathname !== this.path) this.$emit("go", location.pathname);
    };
    addEventListener("popstate", this.onPop);
    document.addEventListener("click", this.onClick);
    document.addEventListener("toggle", this.onToggle, true); // it does not bubble
  },
  unmounted() {
    removeEventListener("popstate", this.onPop);
    document.removeEventListener("click", this.onClick);
    document.removeEventListener("toggle", this.onToggle, true);
  },
  watch: {
    looks: { handler: "applyLooks", deep: true },
    language: "applyLooks",
    turn: { handler: "arrive", flush: "post" },
  },
  methods: {
    applyLooks() {
      const root = document.documentElement;
      root.lang = this.language;
      for (const [name, value] of Object.entries(this.looks)) root.dataset[name] = value;
    },
    arrive() {
      document.title = this.title;
      const isNew = location.pathname !== this.path;
      if (isNew) history.pushState(null, "", this.path);
      if (isNew) scrollTo(0, 0); // what led here may have been far down
      const target = document.querySelector(this.focus || "[data-focus]");
      target?.focus({ preventScroll: isNew });
    },
    onClick(event) {
      if (event.target.closest?.("[data-action=try-sound]")) this.trySounds();
    },
    onToggle(event) {
      if (event.newState === "open") event.target.querySelector?.("[data-first]")?.focus();
    },
    trySounds() {
      sound.wake();
      const begin = performance.now();
      clearInterval(this.trying);
      this.trying = setInterval(() => {
        const seconds = (performance.now() - begin) / 1000;
        if (seconds > 0.1 && !this.hasCued) this.hasCued = sound.cue();
        if (seconds > TRY_S) {
          clearInterval(this.trying);
          this.hasCued = false;
          sound.silence();
        } else if (seconds > 0.8) {
          const lift = Math.sin((Math.PI * (seconds - 0.8)) / (TRY_S - 0.8));
          sound.follow(lift / 2, lift);
        }
      }, 30);
    },
  },
};
