// Theme and sound: two choices of the person in front of the screen, kept in this browser.
// A classic script in <head>, so that the first paint already has the right colours.
(() => {
  "use strict";
  const THEMES = ["auto", "light", "dark"];
  const LABELS = { auto: "Theme: auto", light: "Theme: light", dark: "Theme: dark" };
  const root = document.documentElement;

  function read(key, fallback) {
    try {
      return localStorage.getItem(key) ?? fallback;
    } catch {
      return fallback; // storage switched off: the choice lasts for this page
    }
  }
  function keep(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      // as above
    }
  }

  let theme = THEMES.includes(read("faceloop.theme")) ? read("faceloop.theme") : "auto";
  let sound = read("faceloop.sound", "on") === "off" ? "off" : "on";

  function apply() {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    root.dataset.sound = sound;
    for (const button of document.querySelectorAll("[data-action=theme]")) {
      button.textContent = LABELS[theme];
    }
    for (const button of document.querySelectorAll("[data-action=sound]")) {
      button.textContent = sound === "on" ? "Sound on" : "Sound off";
    }
  }

  document.addEventListener("click", (event) => {
    const action = event.target.closest?.("[data-action]")?.dataset.action;
    if (action === "theme") {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      keep("faceloop.theme", theme);
    } else if (action === "sound") {
      sound = sound === "on" ? "off" : "on";
      keep("faceloop.sound", sound);
    } else {
      return;
    }
    apply();
  });
  apply();
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    // Each view brings its own buttons, labelled only by this script.
    const isNew = (node) => node.querySelector?.("[data-action]");
    const watch = (changes) => changes.some((c) => [...c.addedNodes].some(isNew)) && apply();
    new MutationObserver(watch).observe(document.body, { childList: true, subtree: true });
  });
})();
