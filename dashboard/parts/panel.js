// One panel: one bounded canvas, its own request.
class Panel {
  constructor(explorer, spec) {
    this.explorer = explorer;
    this.lines = [];
    this.version = null;
    this.isSeen = false;
    this.el = document.createElement("section");
    this.el.className = "panel";
    this.el.innerHTML =
      '<header><h3></h3><span class="keys"></span><span class="outside" role="note"></span><span class="tools">' +
      '<button class="tool left" type="button">←</button><button class="tool right" type="button">→</button>' +
      '<button class="tool hide" type="button">Hide</button>' +
      '<button class="tool grow" type="button"></button></span></header>' +
      '<div class="plot" tabindex="0" role="application"></div>';
    this.plot = this.el.querySelector(".plot");
    this.veil = document.createElement("div");
    this.veil.className = "veil loading";
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    this.dot = document.createElement("i");
    this.dot.className = "dot";
    this.dot.hidden = true;
    this.plot.append(this.veil, this.tip, this.dot);
    this.bind();
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.plot);
    explorer.seen.observe(this.el);
  }

  destroy() {
    this.abort?.abort();
    cancelAnimationFrame(this.frame);
    this.resized.disconnect();
    this.explorer.seen.unobserve(this.el);
    this.uplot?.destroy();
    this.el.remove();
  }

  configure(spec) {
    const asked = JSON.stringify(spec.metrics);
    const isNew = asked !== this.asked;
    const isDark = this.explorer.dark;
    Object.assign(this, { spec, asked });
    const title = this.el.querySelector("h3");
    setText(title, spec.title);
    title.title = spec.metrics.map((metric) => metric.name).join(", ");
    this.el.style.setProperty("--height", this.explorer.data.height + "px");
    this.plot.setAttribute(
      "aria-label",
      `Curves of ${spec.title}. Left and right pan, plus and minus zoom, up and down choose a curve, ` +
        "Enter pins it, Escape resets.",
    );
    this.drawKeys();
    this.drawTools();
    if (isNew) {
      this.forget();
      this.extent = null;
      this.plot.removeAttribute("data-ready");
      if (this.isSeen) this.load(true);
    } else if (isDark !== this.isDark) this.rebuild();
    else this.redraw();
    this.isDark = isDark;
  }

  drawKeys() {
    const keys = this.el.querySelector(".keys");
    const { metrics } = this.spec;
    if (keys.dataset.of === this.asked) return;
    keys.dataset.of = this.asked;
    keys.replaceChildren();
    for (const metric of metrics.length > 1 ? metrics : []) {
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

  drawTools() {
    const { view, data } = this.explorer;
    const { key, title } = this.spec;
    const isWide = view.big.has(key);
    this.el.classList.toggle("wide", isWide);
    const keys = data.panels.map((panel) => panel.key);
    const place = keys.indexOf(key);
    const tool = (name, label, isShown) => {
      const button = this.el.querySelector(`.${name}`);
      button.hidden = !isShown;
      button.title = label;
      button.setAttribute("aria-label", `${label}: ${title}`);
      return button;
    };
    const grow = tool("grow", isWide ? "Shrink" : "Enlarge", keys.length > 1);
    setText(grow, isWide ? "Shrink" : "Enlarge");
    tool("left", "Move to the left", data.arranges && place > 0);
    tool("right", "Move to the right", data.arranges && place < keys.length - 1);
    tool("hide", "Hide", data.arranges && keys.length > 1);
  }

  // Puts this panel at another place among all, or nowhere; Python keeps the order in the address.
  move(by) {
    const { data } = this.explorer;
    const panels = data.panels.filter((panel) => panel.key !== this.spec.key);
    const place = data.panels.findIndex((panel) => panel.key === this.spec.key);
    if (by !== null) panels.splice(place + by, 0, this.spec);
    this.explorer.data = { ...data, panels };
    this.explorer.arrange();
    this.explorer.tell("arranged", panels.map((panel) => panel.key));
  }

  bind() {
    const on = (name, act) => (this.el.querySelector(`.${name}`).onclick = act);
    on("left", () => this.move(-1));
    on("right", () => this.move(1));
    on("hide", () => this.move(null));
    on("grow", () => {
      const { big } = this.explorer.view;
      big.has(this.spec.key) ? big.delete(this.spec.key) : big.add(this.spec.key);
      this.drawTools();
      this.explorer.writeUrl(true);
    });
    this.plot.onkeydown = (event) => this.onKey(event);
    // The page keeps its scroll wheel: a chart takes it only when it has the focus, or with Ctrl.
    this.plot.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.plot.addEventListener("pointerdown", () => {
      this.plot.classList.add("pointed");
      this.plot.focus({ preventScroll: true });
    });
    this.plot.addEventListener("blur", () => this.plot.classList.remove("pointed"));
  }

  // -- data ------------------------------------------------------------------------------------
  forget() {
    this.version = this.rawQuery = null;
  }

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
      if (this.abort === abort) {
        this.isBusy = false;
        this.applyRange();
      }
    }
  }

  async ask(signal, force) {
    const { data, view } = this.explorer;
    const items = this.explorer.shownItems();
    const asked = { x: view.x, logx: view.logx, zoom: view.zoom, smooth: view.smooth, by: view.by };
    if (!items.length) return { asked, header: { extent: null, running: [], version: null, is_all: true }, lines: [] };
    const url = new URL(data.url, document.location.origin);
    const put = (key, value) => value && url.searchParams.append(key, value);
    this.spec.metrics.forEach((metric) => put("metric", metric.name));
    const groups = view.by ? items.map((item) => item.members) : [];
    if (!view.by || view.traces) put("runs", items.flatMap((item) => item.members).join(","));
    put("groups", groups.map((members) => members.join(",")).join(";"));
    put("band", view.by && view.band);
    put("x", view.x);
    put("px", String(Math.max(200, Math.round(this.plot.clientWidth || 600))));
    put("lo", view.zoom && String(view.zoom[0]));
    put("hi", view.zoom && String(view.zoom[1]));
    put("logx", view.logx && "1");
    put("clip", view.clip && "1");
    const rawQuery = url.search;
    put("smooth", view.smooth && String(view.smooth));
    asked.query = url.search;
    // Raw lines behind smoothed ones stay as they are, however smooth these are, while no run grows.
    const keepsGhosts = force && view.smooth > 0 && rawQuery === this.rawQuery && !this.explorer.running.size;
    put("ghosts", keepsGhosts && "0");
    if (!force && this.version !== null) put("v", this.version);
    const reply = await fetch(url, { headers: { "X-Bakeoff-Token": data.token }, signal });
    if (reply.status === 204) return null;
    if (!reply.ok) throw await refusal(reply);
    return { asked, rawQuery, keepsGhosts, ...decode(await reply.arrayBuffer()) };
  }

  take({ asked, rawQuery, keepsGhosts, header, lines }) {
    const { explorer } = this;
    const ghosts = keepsGhosts ? this.lines.filter((line) => line.kind === "raw") : [];
    const known = [...ghosts, ...lines.filter((line) => explorer.itemOf.has(line.run))];
    const isNews = header.is_all || lines.length > 0;
    Object.assign(this, { rawQuery, version: header.version, cost: header.cost_ms, extent: header.extent });
    if (isNews) {
      this.lines = header.is_all ? known : renewed(this.lines, known);
      Object.assign(this, { drawn: asked, clip: header.clip || null });
    }
    const main = this.lines.filter((line) => line.kind !== "smooth" && line.x.length);
    this.veil.className = "veil";
    setText(this.veil, main.length ? "" : this.emptyText(asked, header.running));
    if (isNews) {
      this.drawOutside();
      this.draw();
    }
    explorer.panels.forEach((panel) => panel.isBusy || panel.applyRange());
    explorer.answered(header.running);
    this.plot.dataset.view = `${asked.x} ${asked.smooth}`;
    this.plot.dataset.points = main.reduce((sum, line) => sum + line.x.length, 0);
    this.plot.dataset.last = main.length ? Math.max(...main.map((line) => line.x.at(-1))) : "";
    this.plot.dataset.query = asked.query || "";
    this.plot.dataset.ready = main.length ? [...new Set(main.map((line) => line.run))].join(",") : "empty";
  }

  drawOutside() {
    const words = this.clip?.outside
      ? `${this.clip.outside.toLocaleString("en-US")} of ${this.clip.total.toLocaleString("en-US")} points outside`
      : "";
    setText(this.el.querySelector(".outside"), words);
  }

  emptyText(asked, running) {
    if (!this.explorer.shownItems().length) return "All runs are hidden";
    if (asked.zoom) return "No points in this range";
    if (running.length) return "Waiting for the first points";
    const names = this.spec.metrics.map((metric) => metric.name);
    if (names[0].startsWith("=")) return "The metrics of this formula share no step; last(…) takes a metric's value before";
    return asked.x in AXES ? "None of these runs logged this metric" : `No run has this metric and ${asked.x}`;
  }

  fail(error) {
    if (error.isFinal) {
      this.veil.className = "veil";
      this.lines = [];
      this.draw();
      setText(this.veil, error.message);
      this.plot.dataset.ready = "error";
      return;
    }
    this.explorer.failed();
  }

  // Whether what is drawn stands on the axis that is chosen; until then it keeps its old one.
  isCurrent() {
    const { x, logx } = this.explorer.view;
    return this.drawn?.x === x && this.drawn.logx === logx;
  }

  line(metric) {
    return this.spec.metrics.find((item) => item.name === metric);
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
