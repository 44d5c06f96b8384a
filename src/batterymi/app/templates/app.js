// Forms work without this script; it adds dropping of files, progress and figures.

const root = document.body.dataset.root;

let library = null;
function loadLibrary() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${root}/plotly.js`;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  return library;
}

function watchDrops() {
  const form = document.querySelector(".drop");
  if (!form) return;
  const input = form.querySelector("input[type=file]");
  input.addEventListener("change", () => { if (input.files.length) form.requestSubmit(); });
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => { event.preventDefault(); form.classList.add("over"); });
  }
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) form.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    form.requestSubmit();
  });
}

function watchDraft() {
  const form = document.getElementById("draft");
  // a field for the target appears, and reasons follow, as soon as something else is chosen
  form?.addEventListener("change", (event) => { if (event.target.matches("select")) form.requestSubmit(form.querySelector("button:not(.main)")); });
}

const KEPT = `typed ${location.pathname.replace(/\/(results|cells|settings|batch)$/, "")}`;

function isChanged(field) {
  if (field.tagName === "SELECT") return !field.selectedOptions[0]?.defaultSelected;
  return field.value !== field.defaultValue;
}

function keepTyped(sent) {
  // the page comes back without what is typed in its other forms
  const fields = [...document.querySelectorAll("form[data-keep] :is(input:not([type=hidden]), select, textarea)")];
  const typed = fields.filter((field) => field.form !== sent && isChanged(field));
  sessionStorage.setItem(KEPT, JSON.stringify(typed.map((field) => [field.name, field.value])));
}

function watchTyped() {
  for (const [name, value] of JSON.parse(sessionStorage.getItem(KEPT) ?? "[]")) {
    const [field] = document.getElementsByName(name);
    if (field) field.value = value;
  }
  sessionStorage.removeItem(KEPT);
  document.addEventListener("submit", (event) => keepTyped(event.target));
}

async function watchProgress() {
  const place = document.getElementById("progress");
  if (!place) return;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const found = await fetch(place.dataset.from).then((answer) => answer.json()).catch(() => null);
    if (found === null) {
      document.getElementById("line").textContent = "The app does not answer; is it still running?";
    } else if (!found.running) {
      keepTyped(null);
      location.reload();
      return;
    } else {
      document.getElementById("seconds").textContent = found.seconds;
      document.getElementById("line").textContent = found.line;
    }
  }
}

watchDrops();
watchTyped();
watchDraft();
watchProgress();
watchCharts();
