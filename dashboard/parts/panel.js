// One panel: one bounded canvas, its own request, its own hover.
const DASH = [5, 4];
const GUTTER = 18;

class Panel {
  constructor(explorer, spec) {
    this.explorer = explorer;
    this.lines = [];
    this.version = null;
    this.isSeen = false;
    this.el = document.createElement("section");
    this.el.className = "panel";
    this.el.innerHTML =
      '<header><h3></h3><span class="keys"></span><span class="tools">' +
      '<button class="tool grow" type="button"></button></span></header>' +
      '<div class="plot" tabindex="0" role="application"></div>';
    this.plot = this.el.querySelector(".plot");
    this.veil = document.createElement("div");
    this.veil.className = "veil loading";
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    this.plot.append(this.veil, this.tip);
    this.bind();
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.plot);
    explorer.seen.observe(this.el);
  }

  destroy() {
    this.abort?.abort();
    this.resized.disconnect();
    this.explorer.seen.unobserve(this.el);
    this.uplot?.destroy();
    this.el.remove();
  }

  configure(spec) {
    const { runs, url } = this.explorer.data;
    const shown = JSON.stringify([spec, runs.map((run) => run.id), url, this.explorer.dark]);
    if (shown === this.shown) return;
    const asked = JSON.stringify([spec.metrics, runs.map((run) => run.id)]);
    const isNew = asked !== this.asked;
    Object.assign(this, { spec, shown, asked });
    this.el.querySelector("h3").textContent = spec.title;
    this.el.querySelector("h3").title = spec.metrics.map((metric) => metric.name).join(", ");
    this.el.style.setProperty("--height", this.explorer.data.height + "px");
    this.plot.setAttribute("aria-label", `Curves of ${spec.title}. Arrow keys pan, plus and minus zoom, Escape resets.`);
    this.drawKeys();
    if (isNew) {
      this.version = null;
      this.extent = null;
      this.plot.removeAttribute("data-ready");
      if (this.isSeen) this.load(true);
    } else this.rebuild();
  }

  drawKeys() {
    const keys = this.el.querySelector(".keys");
    keys.replaceChildren();
    if (this.spec.metrics.length > 1) {
      for (const metric of this.spec.metrics) {
        const key = document.createElement("span");
        const dash = metric.dashed ? ' stroke-dasharray="5 3"' : "";
        const line = `<path d="M0 5h22" stroke="currentColor" stroke-width="1.7"${dash}/>`;
        const ring = '<circle cx="5" cy="5" r="3.2" fill="none" stroke="currentColor" stroke-width="1.7"/>';
        const [width, mark] = metric.point ? [10, ring] : [22, line];
        key.innerHTML = `<svg width="${width}" height="10" aria-hidden="true">${mark}</svg>`;
        key.append(metric.label);
        keys.append(key);
      }
    }
    this.drawGrow();
  }

  drawGrow() {
    const button = this.el.querySelector(".grow");
    const isWide = this.el.classList.contains("wide");
    button.textContent = isWide ? "Shrink" : "Enlarge";
    button.hidden = this.explorer.data.panels.length < 2;
    button.setAttribute("aria-label", `${button.textContent} ${this.spec.title}`);
  }

  bind() {
    this.el.querySelector(".grow").onclick = () => {
      this.el.classList.toggle("wide");
      this.drawGrow();
    };
    this.plot.onkeydown = (event) => {
      const [low, high] = this.explorer.range();
      const width = high - low;
      const mid = (low + high) / 2;
      const range = {
        ArrowLeft: [low - width * 0.2, high - width * 0.2],
        ArrowRight: [low + width * 0.2, high + width * 0.2],
        "+": [mid - width * 0.3, mid + width * 0.3],
        "=": [mid - width * 0.3, mid + width * 0.3],
        "-": [mid - width * 0.85, mid + width * 0.85],
      }[event.key];
      if (range) this.explorer.zoomTo(range);
      else if (event.key === "Escape" || event.key === "0") this.explorer.zoomTo(null);
      else return;
      event.preventDefault();
    };
    // The page keeps its scroll wheel: a chart takes it only when it has the focus, or with Ctrl.
    this.plot.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.plot.addEventListener("pointerdown", () => {
      this.plot.classList.add("pointed");
      this.plot.focus({ preventScroll: true });
    });
    this.plot.addEventListener("blur", () => this.plot.classList.remove("pointed"));
  }

  onWheel(event) {
    const isFocused = this.plot.getRootNode().activeElement === this.plot;
    if (!this.uplot || !(isFocused || event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const box = this.uplot.over.getBoundingClientRect();
    const at = this.uplot.posToVal(event.clientX - box.left, "x");
    const factor = Math.exp(Math.max(-0.5, Math.min(0.5, event.deltaY * 0.002)));
    const [low, high] = this.explorer.range();
    this.explorer.zoomTo([at - (at - low) * factor, at + (high - at) * factor]);
  }

  // -- data ------------------------------------------------------------------------------------
  async load(force) {
    if (this.isBusy && !force) return;
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    this.isBusy = true;
    try {
      const answer = await this.ask(abort.signal, force);
      if (abort.signal.aborted) return;
      if (answer) this.take(answer);
      else this.explorer.answered(null);
    } catch (error) {
      if (error.name !== "AbortError" && !abort.signal.aborted) this.fail(error);
    } finally {
      if (this.abort === abort) this.isBusy = false;
    }
  }

  async ask(signal, force) {
    const { data, view } = this.explorer;
    const url = new URL(data.url, document.location.origin);
    const put = (key, value) => url.searchParams.append(key, value);
    this.spec.metrics.forEach((metric) => put("metric", metric.name));
    put("runs", data.runs.map((run) => run.id).join(","));
    put("x", view.x);
    put("px", Math.max(200, Math.round(this.plot.clientWidth || 600)));
    if (view.zoom) {
      put("lo", view.zoom[0]);
      put("hi", view.zoom[1]);
    }
    if (view.smooth) put("smooth", view.smooth);
    if (!force && this.version !== null) put("v", this.version);
    const reply = await fetch(url, { headers: { "X-Bakeoff-Token": data.token }, signal });
    if (reply.status === 204) return null;
    if (!reply.ok) throw await refusal(reply);
    return { zoom: view.zoom, ...decode(await reply.arrayBuffer()) };
  }

  take({ zoom, header, lines }) {
    this.version = header.version;
    this.lines = lines.filter((line) => this.explorer.run(line.run));
    const raw = this.lines.filter((line) => !line.smooth && line.x.length);
    if (!zoom && raw.length) {
      this.extent = [Math.min(...raw.map((line) => line.x[0])), Math.max(...raw.map((line) => line.x.at(-1)))];
    }
    this.veil.className = "veil";
    const isEmpty = !raw.length;
    setText(this.veil, isEmpty ? this.emptyText(zoom, header.running) : "");
    this.draw();
    this.explorer.panels.forEach((panel) => panel !== this && panel.applyRange());
    this.explorer.answered(header.running);
    const { x, smooth } = this.explorer.view;
    this.plot.dataset.view = `${x} ${smooth}`;
    this.plot.dataset.points = raw.reduce((sum, line) => sum + line.x.length, 0);
    this.plot.dataset.last = raw.length ? Math.max(...raw.map((line) => line.x.at(-1))) : "";
    this.plot.dataset.ready = isEmpty ? "empty" : [...new Set(raw.map((line) => line.run))].join(",");
  }

  emptyText(zoom, running) {
    if (zoom) return "No points in this range";
    return running.length ? "Waiting for the first points" : "None of these runs logged this metric";
  }

  fail(error) {
    if (error.isFinal) {
      this.veil.className = "veil";
      setText(this.veil, error.message);
      this.plot.dataset.ready = "error";
      return;
    }
    this.explorer.failed();
  }

  // -- drawing ---------------------------------------------------------------------------------
  draw() {
    const signature = JSON.stringify([
      this.lines.map((line) => [line.run, line.metric, line.smooth]),
      this.explorer.view.x, this.explorer.view.log, this.explorer.dark,
    ]);
    const tables = this.lines.map((line) => [line.x, this.values(line)]);
    const joined = tables.length ? uPlot.join(tables) : [[]];
    if (signature !== this.signature || !this.uplot) {
      this.signature = signature;
      this.uplot?.destroy();
      this.uplot = new uPlot(this.options(), joined, this.plot);
      this.uplot.over.ondblclick = () => this.explorer.zoomTo(null);
    } else this.uplot.setData(joined, false);
    this.applyRange();
  }

  rebuild() {
    this.signature = null;
    if (this.lines.length) this.draw();
  }

  values(line) {
    const isLog = this.explorer.view.log;
    const out = new Array(line.y.length);
    for (let i = 0; i < out.length; i++) {
      const y = line.y[i];
      out[i] = Number.isFinite(y) && (!isLog || y > 0) ? y : null;
    }
    return out;
  }

  applyRange() {
    if (!this.uplot) return;
    const [min, max] = this.explorer.range();
    this.uplot.setScale("x", { min, max });
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.plot;
    if (this.uplot && width > 40 && (Math.abs(width - this.uplot.width) > 1 || height !== this.uplot.height)) {
      this.uplot.setSize({ width, height });
    }
  }

  showHidden() {
    this.lines.forEach((line, i) => this.uplot?.setSeries(i + 1, { show: !this.explorer.view.hide.has(line.run) }));
  }

  highlight(run) {
    if (!this.uplot) return;
    this.lines.forEach((line, i) => {
      this.uplot.series[i + 1].alpha = this.alpha(line) * (run && line.run !== run ? 0.18 : 1);
    });
    this.uplot.redraw(false);
  }

  alpha(line) {
    if (this.explorer.view.smooth && !line.smooth) return 0.22;
    return this.metric(line)?.dashed ? 0.8 : 1;
  }

  metric(line) {
    return this.spec.metrics.find((item) => item.name === line.metric);
  }
}

async function refusal(reply) {
  let text = "The curves could not be loaded.";
  try {
    text = (await reply.json()).error;
  } catch { /* the server is going down: the status says enough */ }
  const error = new Error(text);
  error.isFinal = reply.status === 400 || reply.status === 404;
  return error;
}

function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let offset = 4 + length;
  const column = (n) => {
    const values = new Float64Array(buffer, offset, n);
    offset += 8 * n;
    return values;
  };
  const lines = header.series.map((item) => {
    const x = column(item.n);
    const y = column(item.n);
    return { ...item, x, y, step: item.steps ? column(item.n) : x };
  });
  return { header, lines };
}
