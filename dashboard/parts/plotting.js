// How a panel looks: uPlot's options, letters at the line ends, marks for NaN, the hover table.
Panel.prototype.options = function () {
  const { explorer } = this;
  const style = getComputedStyle(this.plot);
  const font = `11px ${style.fontFamily}`;
  const ink = explorer.dark ? "#A2A7B5" : "#5B6070";
  const grid = { stroke: explorer.dark ? "rgb(255 255 255 / 7%)" : "rgb(20 25 40 / 7%)", width: 1 };
  const axis = { stroke: ink, font, grid, ticks: { show: false } };
  const axisOf = { epoch: (v) => shortNumber(v), elapsed: shortSpan, step: compact };
  const labels = axisOf[explorer.view.x];
  return {
    width: Math.max(60, this.plot.clientWidth),
    height: this.plot.clientHeight || explorer.data.height,
    padding: [10, GUTTER, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: explorer.view.x === "wall", auto: false },
      y: { distr: explorer.view.log ? 3 : 1, range: (_u, low, high) => padded(low, high, explorer.view.log) },
    },
    cursor: {
      sync: { key: explorer.sync.key, scales: ["x", null], filters: { pub: (kind) => kind === "mousemove" || kind === "mouseleave" } },
      drag: { x: true, y: false, setScale: false },
      focus: { prox: 24 },
      points: { size: 6, width: 1.5 },
    },
    focus: { alpha: 0.3 },
    axes: [
      { ...axis, size: 30, ...(labels && { values: (_u, splits) => splits.map(labels) }) },
      { ...axis, size: 56, values: (_u, splits) => axisNumbers(splits, this.spec.unit) },
    ],
    series: [{}, ...this.lines.map((line) => this.seriesOf(line))],
    hooks: {
      setSelect: [(u) => this.onSelect(u)],
      setCursor: [(u) => this.drawTip(u)],
      draw: [(u) => this.drawMarks(u), (u) => this.drawLetters(u)],
    },
  };
};

Panel.prototype.seriesOf = function (line) {
  const { explorer } = this;
  const metric = this.metric(line);
  const isGhost = explorer.view.smooth && !line.smooth;
  return {
    stroke: explorer.color(explorer.run(line.run)),
    width: isGhost ? 1 : metric?.dashed ? 1.3 : 1.8,
    alpha: this.alpha(line),
    dash: metric?.dashed ? DASH : undefined,
    show: !explorer.view.hide.has(line.run),
    points: { show: line.x.length === 1 && !isGhost, size: 6 },
  };
};

Panel.prototype.onSelect = function (u) {
  const { left, width } = u.select;
  if (width <= 4) return;
  this.explorer.zoomTo([u.posToVal(left, "x"), u.posToVal(left + width, "x")]);
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
};

// The letter of a run stands at the right end of its most telling line.
Panel.prototype.drawLetters = function (u) {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  const marks = [];
  const rank = (line) => this.spec.metrics.findIndex((metric) => metric.name === line.metric);
  const telling = new Map();
  this.lines.forEach((line, i) => {
    const isDrawn = u.series[i + 1].show && line.x.length && line.smooth === Boolean(this.explorer.view.smooth);
    const known = telling.get(line.run);
    if (isDrawn && (!known || rank(line) < rank(known))) telling.set(line.run, line);
  });
  telling.forEach((line) => {
    const run = this.explorer.run(line.run);
    if (!run.letter) return;
    const at = lastWithin(line, u.scales.x.max);
    if (at < 0) return;
    const y = u.valToPos(line.y[at], "y", true);
    const x = Math.min(u.valToPos(line.x[at], "x", true), bbox.left + bbox.width);
    if (x >= bbox.left && y >= bbox.top - 2 && y <= bbox.top + bbox.height + 2) marks.push({ run, x, y });
  });
  spread(marks, 12 * ratio, bbox.top, bbox.top + bbox.height);
  ctx.save();
  ctx.font = `700 ${11 * ratio}px ${getComputedStyle(this.plot).fontFamily}`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const { run, x, y } of marks) {
    ctx.fillStyle = this.explorer.color(run);
    ctx.fillText(run.letter, x + 5 * ratio, y);
  }
  ctx.restore();
};

// Letters that would overlap move apart, each by half, and stay inside the panel.
function spread(marks, gap, top, bottom) {
  marks.sort((a, b) => a.y - b.y);
  for (let round = 0; round < 12; round++) {
    for (let i = 1; i < marks.length; i++) {
      const missing = gap - (marks[i].y - marks[i - 1].y);
      if (missing <= 0) continue;
      marks[i - 1].y -= missing / 2;
      marks[i].y += missing / 2;
    }
    for (const mark of marks) mark.y = Math.max(top, Math.min(bottom, mark.y));
  }
}

// NaN and infinity cannot be drawn as a height: a small open triangle on the axis says where.
Panel.prototype.drawMarks = function (u) {
  const { ctx, bbox } = u;
  const size = 4 * devicePixelRatio;
  const base = bbox.top + bbox.height - 1;
  ctx.save();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
  ctx.lineWidth = 1.4 * devicePixelRatio;
  this.lines.forEach((line, i) => {
    if (line.smooth || !u.series[i + 1].show) return;
    ctx.strokeStyle = this.explorer.color(this.explorer.run(line.run));
    for (let k = 0; k < line.y.length; k++) {
      if (Number.isFinite(line.y[k])) continue;
      const x = u.valToPos(line.x[k], "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x - size, base);
      ctx.lineTo(x, base - size * 1.7);
      ctx.lineTo(x + size, base);
      ctx.closePath();
      ctx.stroke();
    }
  });
  ctx.restore();
};

Panel.prototype.drawTip = function (u) {
  const { left, top, event } = u.cursor;
  const isMine = event && this.plot.matches(":hover");
  if (!isMine || left === undefined || left < 0 || !this.lines.length) {
    this.tip.hidden = true;
    return;
  }
  const at = u.posToVal(left, "x");
  const rows = this.hovered(u, at, top);
  if (!rows.length) {
    this.tip.hidden = true;
    return;
  }
  this.tip.replaceChildren(this.tipTable(rows));
  this.tip.hidden = false;
  const offset = u.bbox.left / devicePixelRatio;
  const width = this.tip.offsetWidth;
  const place = offset + left + 16;
  const fits = place + width < this.plot.clientWidth;
  this.tip.style.left = `${fits ? place : Math.max(0, offset + left - width - 16)}px`;
  this.tip.style.top = `${Math.min(8, this.plot.clientHeight - this.tip.offsetHeight)}px`;
};

Panel.prototype.hovered = function (u, at, top) {
  const rows = new Map();
  this.lines.forEach((line, i) => {
    if (!u.series[i + 1].show || !line.x.length) return;
    const k = nearest(line.x, at);
    const distance = Math.abs(u.valToPos(line.x[k], "x") - u.valToPos(at, "x"));
    if (distance > u.over.clientWidth * 0.04 + 12) return;
    const row = rows.get(line.run) || { run: this.explorer.run(line.run), cells: {}, distance: Infinity, away: Infinity };
    const cell = (row.cells[line.metric] ||= {});
    cell[line.smooth ? "smooth" : "raw"] = line.y[k];
    if (!line.smooth && distance < row.distance) {
      row.distance = distance;
      row.step = line.step[k];
    }
    row.away = Math.min(row.away, Math.abs(u.valToPos(line.y[k], "y") - top));
    rows.set(line.run, row);
  });
  return [...rows.values()];
};

Panel.prototype.tipTable = function (rows) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  const names = ["", ...this.spec.metrics.map((metric) => metric.label), "step"];
  for (const name of names) {
    const cell = document.createElement("th");
    cell.textContent = name;
    head.append(cell);
  }
  const near = rows.reduce((a, b) => (b.away < a.away ? b : a));
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    line.classList.toggle("near", row === near && rows.length > 1);
    const name = document.createElement("span");
    name.textContent = row.run.name;
    line.insertCell().append(letterOf(row.run, this.explorer), name);
    for (const metric of this.spec.metrics) {
      const cell = row.cells[metric.name];
      const written = this.spec.unit === "B" ? bytes : shortNumber;
      const text = !cell ? "–" : written(cell.raw);
      line.insertCell().textContent = cell?.smooth === undefined ? text : `${written(cell.smooth)} (${text})`;
    }
    const step = line.insertCell();
    step.className = "step";
    step.textContent = row.step === undefined ? "–" : row.step.toLocaleString("en-US");
  }
  return table;
};

function nearest(values, at) {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (values[mid] < at) low = mid + 1;
    else high = mid;
  }
  return low > 0 && at - values[low - 1] < values[low] - at ? low - 1 : low;
}

function lastWithin(line, max) {
  for (let i = line.x.length - 1; i >= 0; i--) {
    if (line.x[i] <= max && Number.isFinite(line.y[i])) return i;
  }
  return -1;
}

function padded(low, high, isLog) {
  if (low === null || high === null) return isLog ? [0.1, 1] : [0, 1];
  if (isLog) return [low / 1.15, high * 1.15];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 0.5;
  return [low - room, high + room];
}

function compact(value) {
  if (Math.abs(value) < 10000) return value.toLocaleString("en-US");
  return value.toLocaleString("en-US", { notation: "compact", maximumFractionDigits: 2 });
}

const SIZES = ["B", "kB", "MB", "GB", "TB"];

function bytes(value) {
  const power = Math.min(SIZES.length - 1, Math.floor(Math.log10(Math.max(Math.abs(value), 1)) / 3));
  return `${Number((value / 1000 ** power).toPrecision(4))} ${SIZES[power]}`;
}

function axisNumbers(splits, unit) {
  if (unit === "B") return splits.map((value) => (value === null ? "" : bytes(value)));
  const known = splits.filter((value) => value !== null);
  const step = known.length > 1 ? Math.abs(known[1] - known[0]) : Math.abs(known[0] || 1);
  const digits = Math.min(8, (String(Number(step.toPrecision(3))).split(".")[1] || "").length);
  return splits.map((value) => {
    if (value === null) return "";
    const size = Math.abs(value);
    if (size && (size >= 1e6 || size < 1e-4)) return value.toExponential(Math.min(digits, 1));
    return value.toLocaleString("en-US", { maximumFractionDigits: digits }).replace("-", "−");
  });
}
