// The view: what the address says about how the curves are drawn, and how values are written.
const AXES = { step: "Step", epoch: "Epoch", elapsed: "Relative time", wall: "Wall time" };
const BANDS = { ci95: "95 % interval", se: "Standard error", std: "Standard deviation", minmax: "Lowest to highest" };
const VIEW_KEYS = ["x", "smooth", "log", "logx", "clip", "zoom", "hide", "pin", "by", "band", "traces", "closed", "big"];

function readView(get, data) {
  const listed = (key) => new Set((get(key) || "").split(",").filter(Boolean));
  const x = get("x") || data.plainX;
  const zoom = (get("zoom") || "").split("~").map(Number);
  const by = get("by") || "";
  return {
    x: x in AXES || data.axes.includes(x) ? x : data.plainX,
    smooth: Math.max(0, Math.min(0.99, Number(get("smooth")) || 0)),
    log: get("log") === "1",
    logx: get("logx") === "1",
    clip: get("clip") === "1",
    zoom: zoom.length === 2 && zoom[0] < zoom[1] ? zoom : null,
    hide: listed("hide"),
    pin: listed("pin"),
    by: data.groupings.some((grouping) => grouping.key === by) ? by : "",
    band: get("band") in BANDS ? get("band") : "ci95",
    traces: get("traces") === "1",
    closed: listed("closed"),
    big: listed("big"),
  };
}

function writeView(view, data) {
  return {
    x: view.x === data.plainX ? "" : view.x,
    smooth: view.smooth ? String(view.smooth) : "",
    log: view.log ? "1" : "",
    logx: view.logx ? "1" : "",
    clip: view.clip ? "1" : "",
    zoom: view.zoom ? view.zoom.map((n) => Number(n.toPrecision(10))).join("~") : "",
    hide: [...view.hide].join(","),
    pin: [...view.pin].join(","),
    by: view.by,
    band: view.band === "ci95" ? "" : view.band,
    traces: view.traces ? "1" : "",
    closed: [...view.closed].join(","),
    big: [...view.big].join(","),
  };
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function isDark(element) {
  const color = getComputedStyle(element).getPropertyValue("--st-background-color").trim();
  const hex = /^#([0-9a-f]{6})/i.exec(color);
  const parts = hex
    ? [0, 2, 4].map((i) => parseInt(hex[1].slice(i, i + 2), 16))
    : (color.match(/[\d.]+/g) || [255, 255, 255]).slice(0, 3).map(Number);
  return parts[0] * 0.299 + parts[1] * 0.587 + parts[2] * 0.114 < 128;
}

function letterOf(item, explorer) {
  const mark = document.createElement("i");
  mark.className = "letter";
  mark.textContent = item.letter;
  mark.style.setProperty("--run", explorer.color(item));
  mark.style.setProperty("--ink", explorer.dark ? item.darkInk : item.lightInk);
  return mark;
}

function shortNumber(value) {
  if (value === null || value === undefined) return "–";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return value.toLocaleString("en-US").replace("-", "−");
  if (size >= 1e6 || size < 1e-4) return value.toExponential(3).replace("-", "−");
  const digits = Math.max(0, Math.min(4, 3 - Math.floor(Math.log10(size))));
  const text = value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return text.replace("-", "−");
}

function shortSpan(seconds) {
  const sign = seconds < 0 ? "−" : "";
  let rest = Math.abs(seconds);
  if (rest < 120) return sign + Number(rest.toFixed(1)) + " s";
  if (rest < 7200) {
    const minutes = Math.floor(rest / 60);
    const left = Math.round(rest - minutes * 60);
    return sign + minutes + " min" + (left ? ` ${left} s` : "");
  }
  rest = Math.round(rest / 60);
  return sign + Math.floor(rest / 60) + " h" + (rest % 60 ? ` ${rest % 60} min` : "");
}

function compact(value) {
  if (Math.abs(value) < 10000) return value.toLocaleString("en-US");
  return value.toLocaleString("en-US", { notation: "compact", maximumFractionDigits: 2 });
}

const SIZES = ["B", "kB", "MB", "GB", "TB"];

function bytes(value, digits = 4) {
  const power = Math.min(SIZES.length - 1, Math.floor(Math.log10(Math.max(Math.abs(value), 1)) / 3));
  return `${Number((value / 1000 ** power).toPrecision(digits))} ${SIZES[power]}`;
}

// As many digits as tell neighbours apart: an axis may show a small piece of a large number.
function axisBytes(splits) {
  for (let digits = 4; digits < 9; digits++) {
    const words = splits.map((value) => (value === null ? "" : bytes(value, digits)));
    if (digits === 8 || new Set(words).size === new Set(splits).size) return words;
  }
}

function axisNumbers(splits, unit) {
  if (unit === "B") return axisBytes(splits);
  const known = splits.filter((value) => value !== null);
  const step = known.length > 1 ? Math.abs(known[1] - known[0]) : Math.abs(known[0] || 1);
  const digits = Math.min(8, (String(Number(step.toPrecision(3))).split(".")[1] || "").length);
  return splits.map((value) => {
    if (value === null) return "";
    const size = Math.abs(value);
    if (size && (size >= 1e6 || size < 1e-4)) return value.toExponential(Math.min(digits, 1)).replace("-", "−");
    return value.toLocaleString("en-US", { maximumFractionDigits: digits }).replace("-", "−");
  });
}

// A place on the axis: axes are cut, panned and zoomed where they are drawn.
const placeOf = (value, isLog) => (isLog ? Math.log10(value) : value);
const valueOf = (place, isLog) => (isLog ? 10 ** place : place);
