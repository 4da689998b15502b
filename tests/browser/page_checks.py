"""What a test has the page look for in itself, in JavaScript."""

from __future__ import annotations

CUT_OFF = """() => {
  // Text that is taller or wider than the control it stands in.
  const spills = (e, box) => {
    const range = document.createRange();
    range.selectNodeContents(e);
    return [...range.getClientRects()].some((line) => line.width > 0
      && (line.top < box.top - 1 || line.bottom > box.bottom + 1
        || line.left < box.left - 1 || line.right > box.right + 1));
  };
  // Controls that lie on each other; what stays in place while the page scrolls may.
  const overlapping = () => {
    const controls = [...document.querySelectorAll(".fl-content button, .fl-content input, "
      + ".fl-content select, .fl-content a, .fl-content summary")].filter((e) =>
      e.checkVisibility() && ![e, e.parentElement].some((one) =>
        ["fixed", "sticky"].includes(getComputedStyle(one).position)));
    const boxes = controls.map((e) => e.getBoundingClientRect());
    return controls.filter((e, i) => boxes.some((other, j) => j > i
      && !e.contains(controls[j]) && !controls[j].contains(e)
      && boxes[i].left < other.right - 1 && other.left < boxes[i].right - 1
      && boxes[i].top < other.bottom - 1 && other.top < boxes[i].bottom - 1));
  };
  return [...document.querySelectorAll(".fl-root *")].filter((e) => {
  if (e.closest(".fl-skip") || e.closest("svg") || !e.getClientRects().length) return false;
  const box = e.getBoundingClientRect();
  const isOutside = box.right > document.documentElement.clientWidth + 1 || box.left < -1;
  const style = getComputedStyle(e);
  const hides = style.overflowX !== "visible" && e.tagName !== "SELECT";
  const hidesBelow = ["hidden", "clip"].includes(style.overflowY) && e.tagName !== "SELECT";
  return isOutside || (hides && e.scrollWidth > e.clientWidth + 1)
    || (hidesBelow && e.scrollHeight > e.clientHeight + 1)
    || (e.matches("button, .fl-button, .fl-option, summary, th, td") && spills(e, box));
}).concat(overlapping()).map((e) => e.outerHTML.slice(0, 160));
}"""


# Words of which a line has only a part.
BROKEN_WORDS = """(cells) => cells.filter((e) => e.checkVisibility()).flatMap((e) => {
  const text = e.firstChild;
  return [...text.data.matchAll(/\\S+/g)].filter((word) => {
    const range = document.createRange();
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    return range.getClientRects().length > 1;
  }).map((word) => word[0]);
})"""
