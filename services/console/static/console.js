// What the pages need beyond htmx: pausing a live tail, and keeping it short.
"use strict";

htmx.config.includeIndicatorStyles = false; // no inline styles: the Content-Security-Policy forbids them
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
// An answer that refuses is shown where the answer would be: it says why.
htmx.config.responseHandling = [{ code: "204", swap: false }, { code: "...", swap: true }];

const LONGEST_TAIL = 200;

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pause]");
  if (!button) return;
  const paused = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(paused));
  button.textContent = paused ? "Go on" : "Pause";
  document.getElementById(button.dataset.pause).toggleAttribute("data-paused", paused);
});

document.addEventListener("htmx:sseBeforeMessage", (event) => {
  if (event.target.closest("[data-paused]")) event.preventDefault();
});

document.addEventListener("htmx:sseMessage", (event) => {
  const rows = event.target.closest("[data-tail]");
  if (rows) while (rows.children.length > LONGEST_TAIL) rows.lastElementChild.remove();
});
