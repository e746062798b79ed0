// What the pages need beyond htmx: pausing a live tail, each record in it once, and keeping it short.
"use strict";

htmx.config.includeIndicatorStyles = false; // no inline styles: the Content-Security-Policy forbids them
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
// An answer that refuses is shown where the answer would be: it says why.
htmx.config.responseHandling = [{ code: "204", swap: false }, { code: "...", swap: true }];

const LONGEST_TAIL = 200;

const held = []; // what came while the tail was paused

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pause]");
  if (!button) return;
  const paused = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(paused));
  button.textContent = paused ? "Go on" : "Pause";
  const tail = document.getElementById(button.dataset.pause);
  tail.toggleAttribute("data-paused", paused);
  if (!paused) {
    const rows = tail.querySelector("[data-tail]");
    for (const row of held.splice(0)) if (!known(row)) rows.insertAdjacentHTML("afterbegin", row);
    shorten(rows);
  }
});

// A line that broke begins anew where the page began: what is there already is not shown twice.
function known(row) {
  const id = /<tr[^>]* id="([^"]+)"/.exec(row);
  return id !== null && document.getElementById(id[1]) !== null;
}

function shorten(rows) {
  while (rows.children.length > LONGEST_TAIL) rows.lastElementChild.remove();
}

document.addEventListener("htmx:sseBeforeMessage", (event) => {
  if (!event.target.closest("[data-tail]")) return;
  const row = event.detail.data;
  if (event.target.closest("[data-paused]")) {
    held.push(row);
    held.splice(0, held.length - LONGEST_TAIL);
    event.preventDefault();
  } else if (known(row)) event.preventDefault();
});

document.addEventListener("htmx:sseMessage", (event) => {
  const rows = event.target.closest("[data-tail]");
  if (rows) shorten(rows);
});
