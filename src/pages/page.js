"use strict";
// Lets a reader sort, filter, copy, open the treemap of what grew and change the theme, and keeps the age
// of the figures current.
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

// ---- treemap of what grew, made of the table

const human = (bytes) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit += 1) bytes /= 1024;
  return `${unit ? Math.round(bytes * 10) / 10 : bytes} ${units[unit]}`;
};
// The places of a table that grew, each with those in it, largest first.
const placesOf = (table) => {
  const top = { name: "Everything", bytes: 0, below: [] };
  const path = [top];
  for (const row of table.tBodies[0].rows) {
    const depth = Number(row.dataset.depth);
    const place = { name: row.cells[0].textContent.trim(), type: row.dataset.class,
      bytes: Number(row.dataset.grew), below: [] };
    path.length = Math.min(path.length, depth + 1);
    path[path.length - 1].below.push(place);
    path.push(place);
  }
  const sum = (place) => {
    place.below.forEach(sum);
    place.below = place.below.filter((it) => it.bytes > 0).sort((a, b) => b.bytes - a.bytes);
    place.bytes += place.below.reduce((all, it) => all + it.bytes, 0);
  };
  sum(top);
  return top;
};
// Squarified, as the treemap of homes is: rectangles with the places' areas, in parts of the whole.
const squarify = (places, width, height) => {
  const scale = (width * height) / places.reduce((all, it) => all + it.bytes, 0);
  const areas = places.map((it) => it.bytes * scale);
  const out = [];
  let [x, y, w, h] = [0, 0, width, height];
  const worst = (first, last, sum, side) =>
    Math.max((side * side * first) / (sum * sum), (sum * sum) / (side * side * last));
  for (let at = 0; at < areas.length;) {
    const side = Math.max(Math.min(w, h), 1e-9);
    let [sum, end] = [areas[at], at + 1];
    while (end < areas.length && worst(areas[at], areas[end], sum + areas[end], side)
      <= worst(areas[at], areas[end - 1], sum, side)) {
      sum += areas[end];
      end += 1;
    }
    const thick = sum / side;
    let along = 0;
    for (; at < end; at += 1) {
      const long = areas[at] / Math.max(thick, 1e-9);
      out.push(w >= h ? [x, y + along, thick, long] : [x + along, y, long, thick]);
      along += long;
    }
    if (w >= h) { x += thick; w = Math.max(w - thick, 0); }
    else { y += thick; h = Math.max(h - thick, 0); }
  }
  return out.map(([x, y, w, h]) => [x / width, y / height, w / width, h / height]);
};
for (const table of all("table[data-grew]")) {
  const top = placesOf(table);
  if (top.bytes <= 0) continue;
  const map = make("div", "opens", "");
  const crumbs = make("div", "crumbs", "");
  const area = make("div", "area", "");
  area.setAttribute("role", "group");
  area.setAttribute("aria-label", "Treemap of what grew");
  map.append(crumbs, area);
  table.closest(".scroll").before(map);
  let path = [top];
  const draw = () => {
    const here = path[path.length - 1];
    crumbs.replaceChildren(...path.map((place, at) => {
      const text = `${place.name} +${human(place.bytes)}`;
      if (place === here) return make("b", "", text);
      const button = make("button", "", text);
      button.type = "button";
      button.addEventListener("click", () => open(path.slice(0, at + 1)));
      return button;
    }));
    const places = here.below;
    area.replaceChildren();
    if (!places.length) return;
    const [width, height] = [area.clientWidth || 1, area.clientHeight || 1];
    const rects = squarify(places, width, height);
    places.forEach((place, at) => {
      const [x, y, w, h] = rects[at];
      // The table has the places that are too small to be pointed at.
      if (w * width < 4 || h * height < 4) return;
      const opens = place.below.length > 0 && w * width >= 24 && h * height >= 24;
      const tile = make(opens ? "button" : "div", `tile ${place.below.length ? "dir" : place.type}`, "");
      const said = `${place.name} +${human(place.bytes)}`;
      tile.title = said;
      if (w * width >= 34 && h * height >= 20) tile.append(make("span", "", place.name));
      if (w * width >= 34 && h * height >= 38) tile.append(make("span", "", `+${human(place.bytes)}`));
      if (opens) {
        tile.type = "button";
        tile.setAttribute("aria-label", `${said}, open`);
        tile.addEventListener("click", () => open([...path, place]));
      }
      for (const [side, value] of [["left", x], ["top", y], ["width", w], ["height", h]]) {
        tile.style[side] = `${value * 100}%`;
      }
      area.append(tile);
    });
  };
  const open = (to) => {
    path = to;
    draw();
    // The focus was on what is not there any more.
    (crumbs.querySelector("button:last-of-type") ?? area.querySelector("button"))?.focus();
  };
  draw();
  addEventListener("resize", draw);
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
