// The curves explorer: it asks the server for what is on screen, and keeps asking while a run lives.
const EXPLORERS = new WeakMap();
const POLL_MS = 600;
const RETRY_MS = [1000, 2000, 4000];
const AXES = { step: "Step", epoch: "Epoch", elapsed: "Relative time", wall: "Wall time" };

export default function (component) {
  const { data, parentElement } = component;
  let explorer = EXPLORERS.get(parentElement);
  if (!explorer) {
    explorer = new Explorer(parentElement.querySelector(".explorer"));
    EXPLORERS.set(parentElement, explorer);
  }
  explorer.update(data);
  return () => {
    explorer.destroy();
    EXPLORERS.delete(parentElement);
  };
}

class Explorer {
  constructor(root) {
    this.root = root;
    this.panels = new Map();
    this.sync = uPlot.sync("curves-" + Math.random().toString(36).slice(2));
    this.failures = 0;
    this.offlineSince = null;
    this.find = (selector) => root.querySelector(selector);
    this.bindControls();
    this.onVisible = () => document.hidden || this.schedule(0);
    document.addEventListener("visibilitychange", this.onVisible);
    this.seen = new IntersectionObserver((entries) => this.onSeen(entries), { rootMargin: "250px" });
  }

  destroy() {
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.onVisible);
    this.seen.disconnect();
    this.panels.forEach((panel) => panel.destroy());
    this.panels.clear();
  }

  // -- what Python says ------------------------------------------------------------------------
  update(data) {
    const first = !this.data;
    this.data = data;
    if (first) this.view = { ...data.view, hide: new Set(data.view.hide) };
    this.dark = isDark(this.root);
    this.root.classList.toggle("dark", this.dark);
    this.running = new Set(data.runs.filter((run) => run.running).map((run) => run.id));
    this.drawControls();
    this.drawLegend();
    const wanted = new Set(data.panels.map((panel) => panel.key));
    for (const [key, panel] of this.panels) {
      if (!wanted.has(key)) {
        panel.destroy();
        this.panels.delete(key);
      }
    }
    const grid = this.find(".panels");
    for (const spec of data.panels) {
      if (!this.panels.has(spec.key)) this.panels.set(spec.key, new Panel(this, spec));
      const panel = this.panels.get(spec.key);
      grid.append(panel.el);
      panel.configure(spec);
    }
    this.find(".hint").hidden = !data.panels.length;
    this.schedule(this.running.size ? POLL_MS : null);
  }

  run(id) {
    return this.data.runs.find((run) => run.id === id);
  }

  color(run) {
    return this.dark ? run.dark : run.light;
  }

  // -- controls --------------------------------------------------------------------------------
  bindControls() {
    const smooth = this.find("[name=smooth]");
    smooth.oninput = () => {
      this.view.smooth = Number(smooth.value);
      this.drawControls();
      clearTimeout(this.smoothTimer);
      this.smoothTimer = setTimeout(() => this.changed(), 50);
    };
    this.find("[name=log]").onchange = (event) => {
      this.view.log = event.target.checked;
      this.panels.forEach((panel) => panel.rebuild());
      this.writeUrl();
    };
    const axes = this.find(".axes");
    for (const [axis, label] of Object.entries(AXES)) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.axis = axis;
      button.textContent = label;
      button.onclick = () => {
        if (this.view.x === axis) return;
        this.view.x = axis;
        this.view.zoom = null;
        this.panels.forEach((panel) => panel.rebuild());
        this.changed();
      };
      axes.append(button);
    }
    this.find(".reset").onclick = () => this.zoomTo(null);
  }

  drawControls() {
    const { view } = this;
    const smooth = this.find("[name=smooth]");
    smooth.value = view.smooth;
    smooth.style.setProperty("--filled", `${(view.smooth / 0.99) * 100}%`);
    this.find(".field output").textContent = view.smooth ? view.smooth.toFixed(2) : "off";
    this.find("[name=log]").checked = view.log;
    for (const button of this.find(".axes").children) {
      button.setAttribute("aria-pressed", String(button.dataset.axis === view.x));
    }
    this.find(".reset").hidden = !view.zoom;
  }

  drawLegend() {
    const legend = this.find(".legend");
    const focused = this.root.getRootNode().activeElement?.dataset?.run;
    legend.replaceChildren(...this.data.runs.map((run) => this.chip(run)));
    if (focused) legend.querySelector(`[data-run="${CSS.escape(focused)}"]`)?.focus();
  }

  chip(run) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chip";
    button.dataset.run = run.id;
    button.title = `Show or hide ${run.name}`;
    button.setAttribute("aria-pressed", String(!this.view.hide.has(run.id)));
    const name = document.createElement("span");
    name.textContent = run.name;
    const note = document.createElement("small");
    note.textContent = run.note;
    button.append(letterOf(run, this), name, note);
    button.onclick = () => {
      const { hide } = this.view;
      hide.has(run.id) ? hide.delete(run.id) : hide.add(run.id);
      button.setAttribute("aria-pressed", String(!hide.has(run.id)));
      this.panels.forEach((panel) => panel.showHidden());
      this.writeUrl();
    };
    button.onmouseenter = () => this.panels.forEach((panel) => panel.highlight(run.id));
    button.onmouseleave = () => this.panels.forEach((panel) => panel.highlight(null));
    return button;
  }

  changed() {
    this.drawControls();
    this.writeUrl();
    this.loadSeen(true);
  }

  writeUrl() {
    const url = new URL(document.location.href);
    const put = (key, value) => (value ? url.searchParams.set(key, value) : url.searchParams.delete(key));
    put("x", this.view.x === this.data.plainX ? "" : this.view.x);
    put("smooth", this.view.smooth ? String(this.view.smooth) : "");
    put("log", this.view.log ? "1" : "");
    put("zoom", this.view.zoom ? this.view.zoom.map((n) => Number(n.toPrecision(10))).join("~") : "");
    put("hide", [...this.view.hide].join(","));
    history.replaceState(history.state, "", url);
  }

  // -- range -----------------------------------------------------------------------------------
  full() {
    let low = Infinity;
    let high = -Infinity;
    for (const panel of this.panels.values()) {
      if (!panel.extent) continue;
      low = Math.min(low, panel.extent[0]);
      high = Math.max(high, panel.extent[1]);
    }
    if (low > high) return [0, 1];
    return low === high ? [low - 0.5, high + 0.5] : [low, high];
  }

  range() {
    return this.view.zoom || this.full();
  }

  zoomTo(range) {
    const [low, high] = this.full();
    if (range) {
      const width = Math.max(Math.min(range[1] - range[0], high - low), (high - low) * 1e-7);
      const start = Math.max(low, Math.min(range[0], high - width));
      range = width >= (high - low) * 0.9999 ? null : [start, start + width];
    }
    this.view.zoom = range;
    this.panels.forEach((panel) => panel.applyRange());
    this.drawControls();
    clearTimeout(this.zoomTimer);
    this.zoomTimer = setTimeout(() => {
      this.writeUrl();
      this.loadSeen(true);
    }, 25);
  }

  // -- live ------------------------------------------------------------------------------------
  schedule(delay) {
    clearTimeout(this.timer);
    if (delay === null || (!this.running.size && !this.offlineSince)) return this.drawLive();
    this.timer = setTimeout(() => this.tick(), delay);
    this.drawLive();
  }

  async tick() {
    if (document.hidden) return;
    await Promise.allSettled(this.visiblePanels().map((panel) => panel.load(false)));
    const retry = RETRY_MS[Math.min(this.failures - 1, RETRY_MS.length - 1)];
    this.schedule(this.failures ? retry : POLL_MS);
  }

  visiblePanels() {
    return [...this.panels.values()].filter((panel) => panel.isSeen);
  }

  loadSeen(force) {
    this.visiblePanels().forEach((panel) => panel.load(force));
  }

  onSeen(entries) {
    for (const entry of entries) {
      const panel = [...this.panels.values()].find((item) => item.el === entry.target);
      if (!panel) continue;
      const appeared = entry.isIntersecting && !panel.isSeen;
      panel.isSeen = entry.isIntersecting;
      if (appeared) panel.load(true);
    }
  }

  answered(running) {
    this.failures = 0;
    this.offlineSince = null;
    if (running) {
      this.running = new Set(running);
      if (running.length && !this.timer) this.schedule(POLL_MS);
    }
    this.drawLive();
  }

  failed() {
    this.failures += 1;
    this.offlineSince ||= new Date();
    this.schedule(RETRY_MS[0]);
  }

  drawLive() {
    const box = this.find(".live");
    const text = box.querySelector("span");
    box.className = "live push";
    box.hidden = false;
    if (this.offlineSince) {
      box.classList.add("off");
      const at = this.offlineSince.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      setText(text, `Not live since ${at} · trying again`);
    } else if (this.running.size) {
      box.classList.add("on");
      setText(text, this.running.size === 1 ? "Live" : `Live · ${this.running.size} running`);
    } else {
      box.hidden = true;
    }
  }
}

// -- small things --------------------------------------------------------------------------------
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

function letterOf(run, explorer) {
  const mark = document.createElement("i");
  mark.className = "letter";
  mark.textContent = run.letter;
  mark.style.setProperty("--run", explorer.color(run));
  mark.style.setProperty("--ink", explorer.dark ? run.darkInk : run.lightInk);
  return mark;
}

function shortNumber(value) {
  if (value === null || value === undefined) return "–";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return value.toLocaleString("en-US").replace("-", "−");
  if (size >= 1e6 || size < 1e-4) return value.toExponential(3);
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
