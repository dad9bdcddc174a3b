// Tables and tiles as real HTML, in the page's own theme. The markup is made and escaped in Python.
const DRAWN = new WeakMap();

// A table that moves by itself keeps the focus on its link and where it was scrolled to.
function redraw(sheet, markup) {
  const focused = sheet.getRootNode().activeElement;
  const key = focused && sheet.contains(focused) ? focused.dataset.run : undefined;
  const left = [...sheet.querySelectorAll(".table")].map((table) => table.scrollLeft);
  sheet.innerHTML = markup;
  DRAWN.set(sheet, markup);
  [...sheet.querySelectorAll(".table")].forEach((table, i) => { table.scrollLeft = left[i] || 0; });
  if (key) [...sheet.querySelectorAll("a[data-run]")].find((a) => a.dataset.run === key)?.focus();
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const sheet = parentElement.querySelector(".sheet");
  const color = getComputedStyle(sheet).getPropertyValue("--st-background-color").trim();
  const parts = /^#[0-9a-f]{6}$/i.test(color)
    ? [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16))
    : (color.match(/[\d.]+/g) || [255, 255, 255]).slice(0, 3).map(Number);
  const isDark = parts[0] * 0.299 + parts[1] * 0.587 + parts[2] * 0.114 < 128;
  sheet.classList.toggle("dark", isDark);
  if (DRAWN.get(sheet) !== data.markup) {
    redraw(sheet, data.markup);
  }
  for (const mark of sheet.querySelectorAll(".letter")) {
    mark.style.setProperty("--run", isDark ? mark.dataset.dark : mark.dataset.light);
    mark.style.setProperty("--ink", isDark ? mark.dataset.darkInk : mark.dataset.lightInk);
  }
  for (const time of sheet.querySelectorAll("time")) {
    time.title = new Date(time.dateTime).toLocaleString([], { dateStyle: "full", timeStyle: "long" });
  }
  sheet.onclick = (event) => {
    const link = event.target.closest("a[data-run]");
    // A plain click stays in the page; with a modifier the browser opens the address itself.
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    setTriggerValue("opened", link.dataset.run);
  };
}
