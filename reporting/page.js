// Shows what the marks of a chart stand for, under the pointer and with the arrow keys on a chart that has the focus;
// switches series on and off; sorts tables. Without it the page is whole: browsers show the titles of marks themselves.
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

for (const chart of document.querySelectorAll(".chart")) {
  const all = [...chart.querySelectorAll(".mark")];
  const visible = () => all.filter((mark) => !mark.classList.contains("off"));
  for (const mark of all) {
    const title = mark.querySelector("title");
    mark.dataset.tip = title ? title.textContent : mark.title;
    if (title) title.remove();
    mark.removeAttribute("title");
  }
  chart.addEventListener("pointermove", (event) => {
    const mark = nearest(visible(), event);
    if (mark) show(mark);
    else hide();
  });
  chart.addEventListener("pointerleave", hide);
  chart.addEventListener("focus", () => { if (all.length && chart.matches(":focus-visible")) show(visible()[0] || all[0]); });
  chart.addEventListener("blur", hide);
  chart.addEventListener("keydown", (event) => {
    const marks = visible();
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -marks.length, End: marks.length }[event.key];
    if (event.key === "Escape") hide();
    if (!by || !marks.length) return;
    event.preventDefault();
    show(marks[Math.max(0, Math.min(marks.indexOf(shown) + by, marks.length - 1))]);
  });
}

// The mark under the pointer, else the nearest point of a line within 24 pixels: points are small.
function nearest(marks, event) {
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

// Makes an element do something when it is clicked, or has the focus and Enter or space is pressed.
function press(element, action) {
  element.tabIndex = 0;
  element.addEventListener("click", action);
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    action();
  });
}

for (const key of document.querySelectorAll(".key")) {
  key.setAttribute("role", "button");
  key.setAttribute("aria-pressed", "true");
  press(key, () => {
    const on = key.getAttribute("aria-pressed") === "false";
    key.setAttribute("aria-pressed", on);
    const parts = key.closest("figure").querySelectorAll(`.area [data-series="${key.dataset.series}"]`);
    for (const part of parts) part.classList.toggle("off", !on);
  });
}

for (const head of document.querySelectorAll("th")) {
  press(head, () => {
    const body = head.closest("table").tBodies[0];
    const sign = head.ariaSort === "descending" ? 1 : -1;
    const value = (row) => row.cells[head.cellIndex].textContent;
    const number = (row) => parseFloat(value(row).replaceAll(",", ""));
    const compare = head.classList.contains("number")
      ? (a, b) => (isNaN(number(a)) ? -Infinity : number(a)) - (isNaN(number(b)) ? -Infinity : number(b)) || 0
      : (a, b) => value(a).localeCompare(value(b));
    body.append(...[...body.rows].sort((a, b) => sign * compare(a, b)));
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  });
}
