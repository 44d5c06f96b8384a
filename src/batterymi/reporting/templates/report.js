"use strict";
// The page works from disk and needs no network; texts reach the document as text, never as HTML.

const dark = matchMedia("(prefers-color-scheme: dark)");
// colours of figures that are too dark on a dark page, and what stands for them there (Okabe and Ito)
const ON_DARK = { "#0072B2": "#56B4E9", "#000000": "#FFFFFF", "#8A8A8A": "#A4AEB9", "rgba(0,114,178,0.22)": "rgba(86,180,233,0.25)" };

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

async function showImages() {
  const packed = JSON.parse(document.getElementById("figures").textContent);
  const urls = {};
  for (const image of document.querySelectorAll("img[data-figure]")) {
    const name = image.dataset.figure;
    if (!(name in packed)) continue;
    urls[name] ??= URL.createObjectURL(new Blob([await unpack(packed[name])], { type: "image/svg+xml" }));
    image.onload = () => image.classList.toggle("tall", image.naturalHeight > 1.5 * image.naturalWidth);
    image.src = urls[name];
  }
  await Promise.all([...document.images].map((image) => image.decode().catch(() => image.classList.add("broken"))));
  document.documentElement.dataset.images = "shown";
}

let library = null;
function loadLibrary() {
  // inserted as a script of its own, whose digest the page's policy knows
  library ??= unpack(document.getElementById("library").textContent).then((text) => {
    const script = document.createElement("script");
    script.textContent = text;
    document.head.append(script);
  });
  return library;
}

function recolour(value) {
  if (typeof value === "string") return dark.matches ? (ON_DARK[value] ?? value) : value;
  if (Array.isArray(value)) return value.map(recolour);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, recolour(each)]));
  }
  return value;
}

async function draw(place) {
  await loadLibrary();
  const figure = recolour(JSON.parse(document.getElementById(place.dataset.chart).textContent));
  const style = getComputedStyle(document.documentElement);
  const [text, line, page] = ["--text", "--line", "--panel"].map((name) => style.getPropertyValue(name).trim());
  const layout = figure.layout;
  layout.font = { color: text, family: getComputedStyle(document.body).fontFamily };
  layout.hoverlabel = { ...layout.hoverlabel, bgcolor: page, bordercolor: line, font: { color: text } };
  for (const axis of ["xaxis", "yaxis"]) layout[axis] = { ...layout[axis], gridcolor: line, linecolor: line, showline: true };
  const options = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
  await Plotly.react(place, figure.data, layout, options);
  place.dataset.drawn = "yes";
}

function watchCharts() {
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      observer.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "400px" });
  for (const place of document.querySelectorAll(".chart")) observer.observe(place);
  dark.addEventListener("change", () => document.querySelectorAll(".chart[data-drawn]").forEach(draw));
}

function compareCells(left, right) {
  const [a, b] = [left, right].map((cell) => ("key" in cell.dataset ? Number(cell.dataset.key) : NaN));
  if (!Number.isNaN(a) && !Number.isNaN(b)) return a - b;
  if (Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a) ? 1 : -1; // numbers before texts
  return left.textContent.localeCompare(right.textContent, undefined, { numeric: true });
}

function sortBy(table, head, column) {
  const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  for (const cell of table.tHead.rows[0].cells) cell.setAttribute("aria-sort", cell === head ? direction : "none");
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => compareCells(a.cells[column], b.cells[column]) * (direction === "ascending" ? 1 : -1));
  table.tBodies[0].append(...rows);
}

function filterRows(part) {
  const words = part.querySelector("input").value.toLowerCase().split(/\s+/);
  const facets = [...part.querySelectorAll("select")].filter((choice) => choice.value);
  const rows = [...part.querySelector("tbody").rows];
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !(words.every((word) => text.includes(word)) && facets.every((choice) => {
      const cell = row.cells[Number(choice.dataset.facet)];
      return (cell.dataset.choice ?? cell.textContent) === choice.value;
    }));
  }
  const shown = rows.filter((row) => !row.hidden).length;
  part.querySelector(".count").textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
}

async function copyRows(part, button) {
  const records = JSON.parse(part.querySelector("script.csv").textContent);
  const rows = [...part.querySelector("tbody").rows].filter((row) => !row.hidden);
  const text = [records[0], ...rows.map((row) => records[Number(row.dataset.row)])].join("\n") + "\n";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea"); // where the clipboard is closed to pages from disk
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  part.dataset.copied = text;
  document.getElementById("said").textContent = `${rows.length} rows copied`;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy as CSV"; }, 1500);
}

function prepareTables() {
  for (const part of document.querySelectorAll(".data")) {
    const table = part.querySelector("table");
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => sortBy(table, head, column));
    });
    part.querySelectorAll("input, select").forEach((control) => control.addEventListener("input", () => filterRows(part)));
    const button = part.querySelector(".copy");
    button?.addEventListener("click", () => copyRows(part, button));
  }
}

function addEntry(list, name, text, href) {
  if (!text) return;
  const [term, entry] = [document.createElement("dt"), document.createElement("dd")];
  term.textContent = name;
  const holder = document.createElement(href ? "a" : name === "Command" ? "code" : "span");
  holder.textContent = text;
  if (href) holder.href = href;
  entry.append(holder);
  list.append(term, entry);
}

function findSources(link) {
  if (link.dataset.sources) return JSON.parse(link.dataset.sources);
  const row = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  if (!row) return [];
  const texts = [...row.cells].map((cell) => cell.textContent);
  const log = row.cells[5].querySelector("a")?.getAttribute("href");
  return [{ file: texts[2], key: texts[3], rule: texts[4], log, command: texts[6] }];
}

function showOrigin(event) {
  const link = event.target.closest("a.n");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const panel = document.getElementById("origin");
  const list = panel.querySelector("dl");
  list.replaceChildren();
  const heading = link.classList.contains("small") ? "Source" : link.textContent;
  panel.querySelector("h2").textContent = heading;
  const sources = findSources(link);
  if (!sources.length) addEntry(list, "Read from", "the study's settings");
  for (const found of sources) {
    addEntry(list, "File", found.file, found.file);
    addEntry(list, "Key", found.key);
    addEntry(list, "Made by the rule", found.rule);
    addEntry(list, "Log", found.log, found.log);
    addEntry(list, "Command", found.command);
  }
  panel.showPopover();
  panel.querySelector("a, button").focus();
  panel.addEventListener("toggle", () => link.focus(), { once: true });
}

prepareTables();
document.addEventListener("click", showOrigin);
showImages();
watchCharts();
