// Pointer and keyboard in a panel: which curve is meant, and its exact values.
const REACH = 26;

Panel.prototype.onKey = function (event) {
  const { explorer } = this;
  const shifts = {
    ArrowLeft: [-0.2, -0.2], ArrowRight: [0.2, 0.2], "+": [0.2, -0.2], "=": [0.2, -0.2], "-": [-0.35, 0.35],
  };
  const items = explorer.shownItems();
  const place = items.findIndex((item) => item.id === explorer.hovered);
  const go = (by) => explorer.highlight(items[(place + by + items.length) % items.length]?.id ?? null);
  if (event.key in shifts) explorer.shift(...shifts[event.key]);
  else if (event.key === "ArrowDown") go(1);
  else if (event.key === "ArrowUp") go(place < 0 ? 0 : -1);
  else if (event.key === "Enter" && explorer.hovered) explorer.togglePin(explorer.hovered);
  else if (event.key === "Escape" || event.key === "0") {
    explorer.highlight(null);
    explorer.zoomTo(null);
  } else return;
  event.preventDefault();
};

Panel.prototype.onWheel = function (event) {
  const { explorer } = this;
  const isFocused = this.plot.getRootNode().activeElement === this.plot;
  if (!this.uplot || !(isFocused || event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  const box = this.uplot.over.getBoundingClientRect();
  const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  const factor = Math.exp(Math.max(-0.5, Math.min(0.5, event.deltaY * 0.002))) - 1;
  explorer.shift(-share * factor, (1 - share) * factor);
};

Panel.prototype.onSelect = function (u) {
  const { left, width } = u.select;
  if (width <= 4) return;
  this.selectedAt = performance.now();
  this.explorer.zoomTo([u.posToVal(left, "x"), u.posToVal(left + width, "x")]);
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
};

// A click pins the curve under the pointer; what turns out to be a double click resets the zoom.
Panel.prototype.onClick = function () {
  clearTimeout(this.clickTimer);
  const id = this.near?.item.id;
  if (!id || this.explorer.items.length < 2 || performance.now() - (this.selectedAt || -1e9) < 300) return;
  this.clickTimer = setTimeout(() => this.explorer.togglePin(id), 230);
};

Panel.prototype.onDouble = function () {
  clearTimeout(this.clickTimer);
  this.explorer.zoomTo(null);
};

Panel.prototype.onCursor = function (u) {
  const { left, top, event } = u.cursor;
  const isMine = event && this.plot.matches(":hover") && left >= 0 && left !== undefined;
  const rows = isMine && this.drawn ? this.under(u, left, top) : [];
  this.tip.hidden = this.dot.hidden = !rows.length;
  if (!rows.length) {
    if (isMine || this.near) this.explorer.highlight(null);
    this.near = null;
    return;
  }
  const near = rows.reduce((a, b) => (b.away < a.away ? b : a));
  this.near = near.away <= REACH ? near : null;
  this.explorer.highlight(this.near ? near.item.id : null);
  this.tip.replaceChildren(this.tipTable(rows, this.near));
  const offset = u.bbox.left / devicePixelRatio;
  const width = this.tip.offsetWidth;
  const place = offset + left + 16;
  const { left: edge } = this.plot.getBoundingClientRect();
  const room = document.documentElement.clientWidth - edge - 8;
  const fits = place + width < Math.max(this.plot.clientWidth, Math.min(room, place + 260));
  this.tip.style.left = `${fits ? place : Math.max(8 - edge, offset + left - width - 16)}px`;
  this.tip.style.top = "8px";
  this.dot.hidden = !this.near;
  if (!this.near) return;
  this.dot.style.background = this.explorer.color(near.item);
  this.dot.style.left = `${offset + near.x}px`;
  this.dot.style.top = `${u.bbox.top / devicePixelRatio + near.y}px`;
};

// One row for each run or group under the pointer, with the exact point that is nearest to it.
Panel.prototype.under = function (u, left, top) {
  const rows = new Map();
  const isGrouped = Boolean(this.drawn.by);
  for (const { line, item } of this.shown()) {
    if (isGrouped && line.kind !== "band") continue;
    const k = this.nearest(u, line, left, top);
    if (k < 0) continue;
    const row = rows.get(item) || { item, cells: {}, away: Infinity };
    rows.set(item, row);
    const cell = (row.cells[line.metric] ||= {});
    cell[line.kind] = line.y[k];
    if (line.kind === "band") Object.assign(cell, { low: line.low[k], high: line.high[k], count: line.count[k] });
    const [x, y] = [u.valToPos(line.x[k], "x"), u.valToPos(line.y[k], "y")];
    const away = Math.hypot(x - left, Number.isFinite(y) ? y - top : 1e3);
    if (away >= row.away) continue;
    Object.assign(row, { away, x, y, at: line.x[k], step: line.step?.[k] });
  }
  return [...rows.values()];
};

// Where a pixel holds many points, the one at the pointer's height is meant: a spike can be touched.
Panel.prototype.nearest = function (u, line, left, top) {
  const at = u.posToVal(left, "x");
  const from = lowerBound(line.x, u.posToVal(left - 1.5, "x"));
  const to = lowerBound(line.x, u.posToVal(left + 1.5, "x"));
  let best = -1;
  let least = Infinity;
  for (let i = from; i < to; i++) {
    const y = u.valToPos(line.y[i], "y");
    const away = Math.hypot(u.valToPos(line.x[i], "x") - left, Number.isFinite(y) ? y - top : 50);
    if (away < least) [best, least] = [i, away];
  }
  if (best >= 0) return best;
  const right = Math.min(line.x.length - 1, lowerBound(line.x, at));
  best = right > 0 && at - line.x[right - 1] < line.x[right] - at ? right - 1 : right;
  const distance = Math.abs(u.valToPos(line.x[best], "x") - left);
  return distance > u.over.clientWidth * 0.04 + 12 ? -1 : best;
};

const MOST_ROWS = 12;

Panel.prototype.tipTable = function (rows, near) {
  const { x } = this.drawn;
  const isGrouped = Boolean(this.drawn.by);
  const ordered = [...rows].sort((a, b) => (b === near) - (a === near));
  const kept = rows.length > MOST_ROWS ? ordered.slice(0, MOST_ROWS) : rows;
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  const last = x === "step" || !isGrouped ? ["step"] : [];
  for (const name of ["", ...this.spec.metrics.map((metric) => metric.label), ...(isGrouped ? ["runs"] : []), ...last]) {
    const cell = document.createElement("th");
    cell.textContent = name;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of kept) {
    const line = body.insertRow();
    line.classList.toggle("near", row === near && rows.length > 1);
    const name = document.createElement("span");
    name.textContent = row.item.name;
    line.insertCell().append(letterOf(row.item, this.explorer), name);
    for (const metric of this.spec.metrics) line.insertCell().textContent = this.written(row.cells[metric.name]);
    const counts = Object.values(row.cells).map((cell) => cell.count);
    if (isGrouped) line.insertCell().textContent = shortNumber(Math.max(...counts));
    if (!last.length) continue;
    const step = line.insertCell();
    step.className = "step";
    step.textContent = exactStep(isGrouped ? row.at : row.step);
  }
  if (kept.length < rows.length) {
    const more = body.insertRow().insertCell();
    more.colSpan = head.cells.length;
    more.className = "more";
    more.textContent = `and ${rows.length - kept.length} more`;
  }
  return table;
};

Panel.prototype.written = function (cell) {
  const number = this.spec.unit === "B" ? bytes : shortNumber;
  if (!cell) return "–";
  if (cell.count !== undefined) {
    return Number.isFinite(cell.low) ? `${number(cell.band)} [${number(cell.low)}, ${number(cell.high)}]` : number(cell.band);
  }
  const raw = number(cell.raw);
  return cell.smooth === undefined ? raw : `${number(cell.smooth)} (${raw})`;
};

// Means over several steps stand between them: said to one decimal.
function exactStep(value) {
  if (value === undefined || Number.isNaN(value)) return "–";
  return value.toLocaleString("en-US", { maximumFractionDigits: 1 });
}
