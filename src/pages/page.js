"use strict";
// Lets a reader sort, filter, copy and change the theme, and keeps the age of the figures current.
// Texts are set as text, never as markup.

const all = (selector, under = document) => [...under.querySelectorAll(selector)];
const make = (name, type, text) => {
  const element = document.createElement(name);
  element.className = type;
  element.textContent = text;
  return element;
};

// ---- age

const stale = 36 * 3600;
const showAge = () => {
  for (const place of all("[data-ago]")) {
    const age = (Date.now() - Date.parse(place.dataset.ago)) / 1000;
    const seconds = Math.max(0, age);
    place.textContent =
      age < -300 ? "in the future"
      : seconds < 7200 ? `${Math.floor(seconds / 60)} min ago`
      : seconds < 172800 ? `${Math.floor(seconds / 3600)} h ago`
      : `${Math.floor(seconds / 86400)} days ago`;
  }
  for (const banner of all("[data-stale]")) {
    banner.hidden = (Date.now() - Date.parse(banner.dataset.stale)) / 1000 <= stale;
  }
};
showAge();
setInterval(showAge, 60000);

// ---- sorting

const valueOf = (cell, kind) => {
  if (kind === "text") return cell.textContent.trim().toLocaleLowerCase();
  return cell.dataset.v === undefined ? null : Number(cell.dataset.v);
};
const sortBy = (table, heading, kind) => {
  const falling = heading.getAttribute("aria-sort");
  // Figures start with the largest, names with the first.
  const down = falling ? falling === "ascending" : kind === "number";
  const at = heading.cellIndex;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [valueOf(row.cells[at], kind), row]);
  rows.sort(([a], [b]) => {
    // Unknown values come last in both directions.
    if (a === null || b === null || a === "" || b === "") {
      return (a === null || a === "") - (b === null || b === "");
    }
    const order = kind === "text" ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
    return down ? -order : order;
  });
  body.append(...rows.map(([, row]) => row));
  for (const other of all("th", table.tHead)) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
};
for (const heading of all("th[data-sort]")) {
  const button = make("button", "", heading.textContent.trim());
  button.type = "button";
  heading.replaceChildren(button);
  const table = heading.closest("table");
  button.addEventListener("click", () => sortBy(table, heading, heading.dataset.sort));
}

// ---- filters

for (const form of all("form.tools")) {
  const table = document.getElementById(form.dataset.for);
  if (!table) continue;
  const rows = [...table.tBodies[0].rows];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLocaleLowerCase()]));
  const status = form.querySelector("[role=status]");
  const whole = status.textContent;
  const filter = () => {
    const text = form.elements.text.value.trim().toLocaleLowerCase();
    const marks = ["over", "orphan"].filter((name) => form.elements[name]?.checked);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !texts.get(row).includes(text) || !marks.every((mark) => mark in row.dataset);
      if (!row.hidden) shown += 1;
    }
    status.textContent = text || marks.length ? `${shown} of ${rows.length} shown` : whole;
  };
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  // A browser may have kept what was typed before.
  filter();
}

// ---- copying

const copy = async (text) => {
  // Only pages of a trustworthy origin have a clipboard; for others there is the old way.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = make("textarea", "", text);
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("not copied");
};
for (const command of all("code.cmd")) {
  const button = make("button", "copy", "Copy");
  button.type = "button";
  button.setAttribute("aria-label", `Copy ${command.textContent}`);
  button.addEventListener("click", async () => {
    try {
      await copy(command.textContent);
      button.textContent = "Copied";
    } catch {
      // The reader can copy the selection by hand.
      getSelection().selectAllChildren(command);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  command.after(button);
}

// ---- theme

const themes = ["auto", "light", "dark"];
const button = make("button", "theme", "");
button.type = "button";
const setTheme = (theme) => {
  document.documentElement.dataset.theme = theme;
  button.textContent = `Theme: ${theme}`;
};
button.addEventListener("click", () => {
  const next = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
  setTheme(next);
  try { localStorage.setItem("efs-scan-theme", next); } catch { /* It holds for this page. */ }
});
let kept = null;
try { kept = localStorage.getItem("efs-scan-theme"); } catch { /* Nothing is kept. */ }
setTheme(themes.includes(kept) ? kept : "auto");
document.querySelector("header").append(button);
