"use strict";
// Interactive figures; a page says in loadLibrary() where plotly comes from.

const dark = matchMedia("(prefers-color-scheme: dark)");
// colours of figures that are too dark on a dark page, and what stands for them there (Okabe and Ito)
const ON_DARK = { "#0072B2": "#56B4E9", "#000000": "#FFFFFF", "#8A8A8A": "#A4AEB9", "rgba(0,114,178,0.22)": "rgba(86,180,233,0.25)" };

const TOOLS_PX = 28; // height of plotly's tool bar

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
  // plotly takes the height of its place when the window changes
  place.style.height = `${layout.height}px`;
  // below the tool bar, which would lie over it
  if (layout.showlegend !== false) layout.legend = { ...layout.legend, yref: "container", y: 1 - TOOLS_PX / layout.height, yanchor: "top" };
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
