// Shows what the marks of a chart stand for: under the pointer, and with the arrow keys on a chart that has the focus.
// Without this script browsers show the <title> of each mark themselves; with it those would be shown twice.
"use strict";

const tip = document.getElementById("tip");
let shown = null;

function show(mark) {
  hide();
  shown = mark;
  mark.classList.add("on");
  tip.textContent = mark.dataset.tip;
  tip.hidden = false;
  place();
}

function place() {
  if (!shown) return;
  const box = shown.getBoundingClientRect();
  const left = box.left + box.width / 2 - tip.offsetWidth / 2;
  tip.style.left = Math.max(4, Math.min(left, document.documentElement.clientWidth - tip.offsetWidth - 4)) + "px";
  const above = box.top - tip.offsetHeight - 6;
  tip.style.top = (above > 4 ? above : box.bottom + 6) + "px";
}

function hide() {
  if (shown) shown.classList.remove("on");
  shown = null;
  tip.hidden = true;
}

for (const chart of document.querySelectorAll("svg.chart")) {
  const marks = [...chart.querySelectorAll(".mark")];
  for (const mark of marks) {
    const title = mark.querySelector("title");
    mark.dataset.tip = title.textContent;
    title.remove();
  }
  chart.addEventListener("pointermove", (event) => {
    const mark = nearest(chart, marks, event);
    if (mark) show(mark);
    else hide();
  });
  chart.addEventListener("pointerleave", hide);
  chart.addEventListener("focus", () => { if (marks.length && chart.matches(":focus-visible")) show(marks[0]); });
  chart.addEventListener("blur", hide);
  chart.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -marks.length, End: marks.length }[event.key];
    if (event.key === "Escape") hide();
    if (!by || !marks.length) return;
    event.preventDefault();
    const at = marks.indexOf(shown) + by;
    show(marks[Math.max(0, Math.min(at, marks.length - 1))]);
  });
}

// The mark under the pointer, else the nearest point of a line within 24 pixels: points are small.
function nearest(chart, marks, event) {
  const under = event.target.closest(".mark");
  if (under) return under;
  let best = null;
  let least = 24;
  for (const mark of marks) {
    if (mark.tagName !== "circle") continue;
    const box = mark.getBoundingClientRect();
    const far = Math.hypot(box.left + box.width / 2 - event.clientX, box.top + box.height / 2 - event.clientY);
    if (far < least) [best, least] = [mark, far];
  }
  return best;
}

// A picture that gets the focus is scrolled into sight.
document.addEventListener("scroll", place, { passive: true });
