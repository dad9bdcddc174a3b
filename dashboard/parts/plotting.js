// How a panel looks: uPlot holds axes, cursor and selection; the lines are drawn here.
const DASH = [5, 4];
const LONG_DASH = [11, 4];
const GUTTER = 18;
const SECONDS = [0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 172800, 604800];
const WHOLE = [1, 2, 5].flatMap((n) => Array.from({ length: 13 }, (_, power) => n * 10 ** power)).sort((a, b) => a - b);

// A logarithmic axis that shows less than a decade has even ticks; else powers of ten are named.
const LOG_AXIS = {
  splits: (_u, _axis, low, high) => {
    if (high / low >= 8) {
      const found = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
        for (let digit = 1; digit < 10; digit++) found.push(Number(`${digit}e${power}`));
      }
      return found.filter((value) => value >= low && value <= high);
    }
    const rough = (high - low) / 5;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = unit * ([1, 2, 5].find((n) => n * unit >= rough) || 10);
    const first = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  },
  filter: (u, splits) => {
    if (splits.length < 2 || splits.at(-1) / splits[0] < 8) return splits;
    const isWide = splits.at(-1) / splits[0] > 300;
    return splits.map((value) => {
      const digit = Number(value.toExponential()[0]);
      return digit === 1 || (!isWide && (digit === 2 || digit === 5)) ? value : null;
    });
  },
};

Panel.prototype.options = function () {
  const { explorer, drawn } = this;
  const font = `11px ${getComputedStyle(this.plot).fontFamily}`;
  const ink = explorer.dark ? "#A2A7B5" : "#5B6070";
  const grid = { stroke: explorer.dark ? "rgb(255 255 255 / 7%)" : "rgb(20 25 40 / 7%)", width: 1 };
  const axis = { stroke: ink, font, labelFont: font, grid, ticks: { show: false } };
  const numbers = { elapsed: shortSpan, step: compact }[drawn.x];
  const values = numbers && ((_u, splits) => splits.map((v) => (v === null ? "" : numbers(v))));
  const plain = drawn.x === "wall" ? undefined : (_u, splits) => axisNumbers(splits, "");
  const steps = { elapsed: SECONDS, step: WHOLE }[drawn.x];
  return {
    width: Math.max(60, this.plot.clientWidth),
    height: this.plot.clientHeight || explorer.data.height,
    padding: [10, GUTTER, 0, 0],
    legend: { show: false },
    scales: {
      x: {
        time: drawn.x === "wall" && !drawn.logx, auto: false, distr: drawn.logx ? 3 : 1, range: (_u, low, high) => [low, high],
      },
      y: { distr: explorer.view.log ? 3 : 1, range: () => this.heights() },
    },
    cursor: {
      sync: { key: explorer.sync.key, scales: ["x", null], filters: { pub: (kind) => kind === "mousemove" || kind === "mouseleave" } },
      drag: { x: true, y: false, setScale: false },
      points: { show: false },
    },
    axes: [
      {
        ...axis, size: 26, label: AXES[drawn.x] || drawn.x, labelSize: 16, labelGap: -2,
        ...((values || plain) && { values: values || plain }), ...(steps && !drawn.logx && { incrs: steps }),
        ...(drawn.logx && LOG_AXIS),
      },
      { ...axis, size: 56, values: (_u, splits) => axisNumbers(splits, this.spec.unit), ...(explorer.view.log && LOG_AXIS) },
    ],
    series: [{}, { show: true, stroke: "transparent" }],
    hooks: {
      setSelect: [(u) => this.onSelect(u)],
      setCursor: [(u) => this.onCursor(u)],
      draw: [(u) => this.drawLines(u), (u) => this.drawMarks(u), (u) => this.drawLetters(u)],
    },
  };
};

Panel.prototype.draw = function () {
  const signature = JSON.stringify([this.drawn, this.explorer.view.log, this.explorer.dark], (key, value) =>
    ["zoom", "smooth", "query", "by"].includes(key) ? undefined : value,
  );
  if (!this.drawn) return;
  if (signature !== this.signature || !this.uplot) {
    this.signature = signature;
    this.uplot?.destroy();
    this.uplot = new uPlot(this.options(), [[0, 1], [null, null]], this.plot);
    this.uplot.over.ondblclick = () => this.onDouble();
    this.uplot.over.addEventListener("click", () => this.onClick());
    this.uplot.over.addEventListener("mouseleave", () => this.explorer.highlight(null));
  }
  this.applyRange(true);
};

Panel.prototype.rebuild = function () {
  this.signature = null;
  this.draw();
};

// At most once a frame, whatever asks for it.
Panel.prototype.redraw = function () {
  if (!this.drawn) return;
  cancelAnimationFrame(this.frame);
  this.frame = requestAnimationFrame(() => this.draw());
};

Panel.prototype.applyRange = function (isForced) {
  if (!this.uplot || !this.isCurrent()) return;
  const [min, max] = this.explorer.range();
  const range = `${min}~${max}`;
  if (!isForced && range === this.plot.dataset.range) return;
  this.uplot.setScale("x", { min, max });
  this.plot.dataset.range = range;
};

Panel.prototype.resize = function () {
  const { clientWidth: width, clientHeight: height } = this.plot;
  if (this.uplot && width > 40 && (Math.abs(width - this.uplot.width) > 1 || height !== this.uplot.height)) {
    this.uplot.setSize({ width, height });
    clearTimeout(this.resizeTimer);
    this.resizeTimer = setTimeout(() => this.isSeen && this.load(true), 200);
  }
};

// Lines with what they look like; what is drawn first lies below: ghosts, then the last of the runs.
Panel.prototype.shown = function () {
  const { explorer } = this;
  const rank = { raw: 0, smooth: 1, band: 2 };
  return this.lines
    .map((line) => ({ line, item: explorer.itemOf.get(line.run) }))
    .filter(({ line, item }) => item && line.x.length && !explorer.view.hide.has(item.id))
    .sort((a, b) =>
      explorer.isStrong(a.item.id) - explorer.isStrong(b.item.id) ||
      rank[a.line.kind] - rank[b.line.kind] || b.item.place - a.item.place);
};

// Raw lines that stand behind: ghosts of smoothed ones, members of groups.
Panel.prototype.isBehind = function (line) {
  return line.kind === "raw" && Boolean(this.drawn.smooth || this.drawn.by) || (line.kind === "smooth" && Boolean(this.drawn.by));
};

function within(line, low, high) {
  const from = Math.max(0, lowerBound(line.x, low) - 1);
  const to = Math.min(line.x.length - 1, lowerBound(line.x, high));
  return [from, to];
}

// The vertical range of what is seen; clipped when the reader asked for it.
Panel.prototype.heights = function () {
  const isLog = this.explorer.view.log;
  const [left, right] = this.isCurrent() ? this.explorer.range() : [-Infinity, Infinity];
  let low = Infinity;
  let high = -Infinity;
  const see = (value) => {
    if (!Number.isFinite(value) || (isLog && value <= 0)) return;
    if (value < low) low = value;
    if (value > high) high = value;
  };
  for (const { line } of this.shown()) {
    const [from, to] = within(line, left, right);
    for (let i = from; i <= to; i++) {
      see(line.y[i]);
      if (line.kind !== "band") continue;
      see(line.low[i]);
      see(line.high[i]);
    }
  }
  if (low > high) return isLog ? [0.1, 1] : [0, 1];
  if (this.explorer.view.clip && this.clip && this.clip.low < this.clip.high) {
    const [least, most] = [Math.max(low, this.clip.low), Math.min(high, this.clip.high)];
    if (least < most) [low, high] = [least, most];
  }
  if (isLog) return low === high ? [low / 2, high * 2] : [low / (high / low) ** 0.05, high * (high / low) ** 0.05];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 0.5;
  return [low - room, high + room];
};

// Maps values to pixels of the canvas, as uPlot does, without a call for each point.
function mapping(u, scale) {
  const { min, max, distr } = u.scales[scale];
  const isLog = distr === 3;
  const [from, to] = [u.valToPos(min, scale, true), u.valToPos(max, scale, true)];
  const [low, high] = [placeOf(min, isLog), placeOf(max, isLog)];
  const slope = (to - from) / (high - low);
  return isLog ? (v) => from + (Math.log10(v) - low) * slope : (v) => from + (v - low) * slope;
}

Panel.prototype.drawLines = function (u) {
  const { ctx, bbox } = u;
  const { min, max } = u.scales.x;
  const [toX, toY] = [mapping(u, "x"), mapping(u, "y")];
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.lineJoin = "bevel";
  for (const { line, item } of this.shown()) {
    const [from, to] = within(line, min, max);
    const look = this.look(line, item);
    ctx.strokeStyle = ctx.fillStyle = look.color;
    if (line.kind === "band") {
      ctx.globalAlpha = look.alpha * 0.2;
      ctx.fill(bandPath(line, from, to, toX, toY));
    }
    ctx.globalAlpha = look.alpha;
    const dash = look.dash.map((n) => n * devicePixelRatio);
    const way = upAndDown(line, from, to, toY);
    const isMany = to - from >= 200;
    if (isMany && way > 2 && to - from > 1.5 * (toX(line.x[to]) - toX(line.x[from]))) {
      fillColumns(ctx, line, from, to, toX, toY, look.width * devicePixelRatio, dash);
      continue;
    }
    // A restless line is drawn thin and whole: broad or dashed it costs many times as much, and blurs.
    const isRestless = isMany && way > 6;
    ctx.lineWidth = (isRestless ? 1 : look.width) * devicePixelRatio;
    ctx.setLineDash(isRestless ? [] : dash);
    if (isRestless && dash.length) ctx.globalAlpha = look.alpha * 0.6;
    const { path, dots } = linePath(line, from, to, toX, toY, u.bbox.width);
    ctx.stroke(path);
    if (dots && !this.isBehind(line)) ctx.fill(dots);
  }
  ctx.restore();
  this.plot.dataset.drawn = String(Number(this.plot.dataset.drawn || 0) + 1);
};

Panel.prototype.look = function (line, item) {
  const { explorer } = this;
  const isStrong = explorer.isStrong(item.id);
  const isBehind = this.isBehind(line);
  const isDashed = this.line(line.metric)?.dashed;
  let alpha = isBehind ? (this.drawn.by && !this.drawn.smooth ? 0.38 : 0.24) : isDashed ? 0.8 : 1;
  if (explorer.isFaint(item.id)) alpha *= 0.16;
  const width = isBehind ? 1 : (isDashed ? 1.3 : 1.8) + (isStrong ? 0.6 : 0);
  // Beyond the tenth all are grey; the one that stands out is drawn in the text's colour.
  const color = isStrong && !item.letter && explorer.items.length > 1 ? getComputedStyle(this.plot).color : explorer.color(item);
  return { alpha, width, color, dash: isDashed ? DASH : item.dashed && !isBehind ? LONG_DASH : [] };
};

// How far a line goes up or down from point to point, in pixels: the mean of some hundred pairs.
function upAndDown(line, from, to, toY) {
  const stride = 1 + ((to - from) >> 8);
  let [way, pairs] = [0, 0];
  for (let i = from + 1; i <= to; i += stride, pairs++) way += Math.abs(toY(line.y[i]) - toY(line.y[i - 1])) || 0;
  return way / Math.max(1, pairs);
}

// Where a pixel holds many points a line looks like a filled area.
// This is the same picture, many times cheaper: one upright box for each column of pixels.
function fillColumns(ctx, line, from, to, toX, toY, width, dash) {
  const [on, off] = dash.length ? dash : [1, 0];
  let column = null;
  let [top, bottom, last] = [Infinity, -Infinity, NaN];
  const flush = () => {
    if (top <= bottom && column % (on + off) < on) ctx.fillRect(column, Math.round(top - width / 2), 1, Math.round(bottom - top + width));
  };
  for (let i = from; i <= to; i++) {
    const y = toY(line.y[i]);
    const at = Math.floor(toX(line.x[i]));
    if (at !== column) {
      flush();
      [column, top, bottom] = [at, Number.isFinite(last) ? last : Infinity, Number.isFinite(last) ? last : -Infinity];
    }
    last = y;
    if (!Number.isFinite(y)) continue;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  flush();
}

// A value that is no number lifts the pen; few points are drawn as dots too, so that they can be told.
function linePath(line, from, to, toX, toY, width) {
  const path = new Path2D();
  const isSparse = to - from < width / (devicePixelRatio * 16);
  const dots = isSparse ? new Path2D() : null;
  const radius = (to - from < 1 ? 3.4 : 2.2) * devicePixelRatio;
  let isDown = false;
  for (let i = from; i <= to; i++) {
    const y = toY(line.y[i]);
    if (!Number.isFinite(y)) {
      isDown = false;
      continue;
    }
    const x = toX(line.x[i]);
    isDown ? path.lineTo(x, y) : path.moveTo(x, y);
    isDown = true;
    if (!dots) continue;
    dots.moveTo(x + radius, y);
    dots.arc(x, y, radius, 0, 6.2832);
  }
  return { path, dots };
}

function bandPath(line, from, to, toX, toY) {
  const path = new Path2D();
  let start = from;
  const isKnown = (i) => Number.isFinite(toY(line.low[i])) && Number.isFinite(toY(line.high[i]));
  while (start <= to) {
    let end = start;
    while (end <= to && isKnown(end)) end++;
    for (let i = start; i < end; i++) i === start ? path.moveTo(toX(line.x[i]), toY(line.high[i])) : path.lineTo(toX(line.x[i]), toY(line.high[i]));
    for (let i = end - 1; i >= start; i--) path.lineTo(toX(line.x[i]), toY(line.low[i]));
    if (end > start) path.closePath();
    start = end + 1;
  }
  return path;
}

// The letter of a run stands at the right end of its most telling line.
Panel.prototype.drawLetters = function (u) {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  const rank = (line) => this.spec.metrics.findIndex((metric) => metric.name === line.metric);
  const telling = new Map();
  for (const { line, item } of this.shown()) {
    const known = telling.get(item);
    if (!this.isBehind(line) && item.letter && (!known || rank(line) < rank(known))) telling.set(item, line);
  }
  const marks = [];
  telling.forEach((line, item) => {
    const at = lastWithin(line, u.scales.x.max);
    if (at < 0) return;
    const y = u.valToPos(line.y[at], "y", true);
    const x = Math.min(u.valToPos(line.x[at], "x", true), bbox.left + bbox.width);
    if (x >= bbox.left && y >= bbox.top - 2 && y <= bbox.top + bbox.height + 2) marks.push({ item, x, y });
  });
  spread(marks, 12 * ratio, bbox.top, bbox.top + bbox.height);
  ctx.save();
  ctx.font = `700 ${11 * ratio}px ${getComputedStyle(this.plot).fontFamily}`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const { item, x, y } of marks) {
    ctx.globalAlpha = this.explorer.isFaint(item.id) ? 0.35 : 1;
    ctx.fillStyle = this.explorer.color(item);
    ctx.fillText(item.letter, x + 5 * ratio, y);
  }
  ctx.restore();
};

// Letters that would overlap move apart, each by half; then those beyond an end push the others back.
function spread(marks, gap, top, bottom) {
  marks.sort((a, b) => a.y - b.y);
  for (let round = 0; round < 12; round++) {
    for (let i = 1; i < marks.length; i++) {
      const missing = gap - (marks[i].y - marks[i - 1].y);
      if (missing <= 0) continue;
      marks[i - 1].y -= missing / 2;
      marks[i].y += missing / 2;
    }
  }
  marks.forEach((mark, i) => (mark.y = Math.max(mark.y, i ? marks[i - 1].y + gap : top)));
  for (let i = marks.length - 1, end = bottom; i >= 0; i--, end = marks[i + 1].y - gap) marks[i].y = Math.min(marks[i].y, end);
}

function lastWithin(line, max) {
  for (let i = Math.min(line.x.length - 1, lowerBound(line.x, max)); i >= 0; i--) {
    if (line.x[i] <= max && Number.isFinite(line.y[i])) return i;
  }
  return -1;
}

// NaN and infinity cannot be drawn as a height: a small open triangle on the axis says where.
Panel.prototype.drawMarks = function (u) {
  const { ctx, bbox } = u;
  const size = 4 * devicePixelRatio;
  const base = bbox.top + bbox.height - 1;
  ctx.save();
  ctx.lineWidth = 1.4 * devicePixelRatio;
  for (const { line, item } of this.shown()) {
    if (line.kind !== "raw") continue;
    ctx.strokeStyle = this.explorer.color(item);
    ctx.globalAlpha = this.explorer.isFaint(item.id) ? 0.2 : 1;
    for (const place of line.gaps) {
      const x = u.valToPos(place, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x - size, base);
      ctx.lineTo(x, base - size * 1.7);
      ctx.lineTo(x + size, base);
      ctx.closePath();
      ctx.stroke();
    }
  }
  ctx.restore();
};
