// The curves explorer: it asks the server for what is on screen, and keeps asking while a run lives.
const EXPLORERS = new WeakMap();
const POLL_MS = 600;
const RETRY_MS = [1000, 2000, 4000];
// A page never costs the server more than 1/90 of a core: a costly answer makes the next one wait.
const REST_PER_COST = 90;
const REQUEST_MS = 2;
// What the store spends on taking in the points that a look asks for, whatever is drawn of them.
const LOOK_MS = 8;
const SYNC_MS = 700;
const SLIDE_MS = 200;
const REST_MS = 25;
const PATIENCE_MS = 60;

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  let explorer = EXPLORERS.get(parentElement);
  if (!explorer) {
    explorer = new Explorer(parentElement.querySelector(".explorer"));
    EXPLORERS.set(parentElement, explorer);
  }
  explorer.tell = setTriggerValue;
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
    this.hovered = null;
    this.find = (selector) => root.querySelector(selector);
    this.onVisible = () => document.hidden || this.schedule(0);
    this.onHistory = (event) => event.isOurs || this.adopt((key) => new URLSearchParams(document.location.search).get(key));
    document.addEventListener("visibilitychange", this.onVisible);
    window.addEventListener("popstate", this.onHistory);
    this.seen = new IntersectionObserver((entries) => this.onSeen(entries), { rootMargin: "250px" });
    this.bindControls();
  }

  destroy() {
    clearTimeout(this.timer);
    clearTimeout(this.syncTimer);
    clearTimeout(this.slideTimer);
    clearTimeout(this.rangeTimer);
    document.removeEventListener("visibilitychange", this.onVisible);
    window.removeEventListener("popstate", this.onHistory);
    this.seen.disconnect();
    this.panels.forEach((panel) => panel.destroy());
    this.panels.clear();
  }

  // -- what Python says ------------------------------------------------------------------------
  update(data) {
    const isNew = !this.data || this.data.revision !== data.revision;
    const drawn = this.data && JSON.stringify([this.data.runs.map((run) => run.id), this.data.url]);
    this.data = data;
    if (isNew) this.view = readView((key) => data.view[key], data);
    else this.writeUrl(false);  // Python may have written the address without what came since
    this.dark = isDark(this.root);
    this.root.classList.toggle("dark", this.dark);
    this.running = new Set(data.runs.filter((run) => run.running).map((run) => run.id));
    this.makeItems();
    this.drawControls();
    this.drawLegend();
    this.arrange();
    const isOther = drawn !== JSON.stringify([data.runs.map((run) => run.id), data.url]);
    if (isNew || isOther) this.loadSeen(true);
    this.schedule(this.running.size ? POLL_MS : null);
  }

  arrange() {
    const { panels } = this.data;
    const wanted = new Set(panels.map((panel) => panel.key));
    for (const [key, panel] of this.panels) {
      if (wanted.has(key)) continue;
      panel.destroy();
      this.panels.delete(key);
    }
    const box = this.find(".panels");
    const names = [...new Set(panels.map((panel) => panel.section))];
    const grids = new Map(names.map((name, place) => [name, this.section(name, place, names.length > 1)]));
    for (const old of [...box.children]) if (![...grids.values()].some((grid) => old.contains(grid))) old.remove();
    for (const spec of panels) {
      if (!this.panels.has(spec.key)) this.panels.set(spec.key, new Panel(this, spec));
      const panel = this.panels.get(spec.key);
      const grid = grids.get(spec.section);
      const place = panels.filter((other) => other.section === spec.section).indexOf(spec);
      if (grid.children[place] !== panel.el) grid.insertBefore(panel.el, grid.children[place] || null);
      panel.configure(spec);
    }
    this.find(".hint").hidden = !panels.length;
  }

  // The box of the panels whose metrics share a prefix; it can be closed.
  section(name, place, isTitled) {
    const box = this.find(".panels");
    const known = [...box.children].find((one) => one.dataset.name === name && one.matches("details") === isTitled);
    const outer = known || document.createElement(isTitled ? "details" : "div");
    if (!known) {
      outer.dataset.name = name;
      outer.className = "section";
      const grid = document.createElement("div");
      grid.className = "grid";
      if (isTitled) {
        outer.append(document.createElement("summary"));
        outer.ontoggle = () => {
          const { closed } = this.view;
          if (closed.has(name || "/") !== outer.open) return;
          outer.open ? closed.delete(name || "/") : closed.add(name || "/");
          this.writeUrl(true);
        };
      }
      outer.append(grid);
    }
    // What is moved loses the focus: only what stands elsewhere is put there.
    if (box.children[place] !== outer) box.insertBefore(outer, box.children[place] || null);
    if (isTitled) {
      outer.open = !this.view.closed.has(name || "/");
      const count = this.data.panels.filter((panel) => panel.section === name).length;
      setText(outer.querySelector("summary"), `${name || "General"} · ${count}`);
    }
    return outer.querySelector(".grid");
  }

  // What has a colour of its own: a run, or a group that goes by its first run.
  makeItems() {
    const { runs, groupings, marks } = this.data;
    const grouping = groupings.find((one) => one.key === this.view.by);
    const groups = new Map();
    runs.forEach((run, i) => {
      const name = grouping ? grouping.values[i] || run.name : run.id;
      groups.set(name, [...(groups.get(name) || []), run]);
    });
    this.items = [...groups].map(([name, members], place) => {
      const run = members[0];
      const item = { ...marks[Math.min(place, marks.length - 1)], place, id: run.id, members: members.map((one) => one.id) };
      if (!grouping) return { ...item, name: run.name, note: run.note };
      return { ...item, name, note: members.length === 1 ? "1 run" : `${members.length} runs` };
    });
    if (this.items.length === 1 && !grouping) this.items[0].letter = "";
    this.itemOf = new Map(this.items.flatMap((item) => item.members.map((id) => [id, item])));
    this.runOf = new Map(runs.map((run) => [run.id, run]));
  }

  shownItems() {
    return this.items.filter((item) => !this.view.hide.has(item.id));
  }

  color(item) {
    return this.dark ? item.dark : item.light;
  }

  // -- the view --------------------------------------------------------------------------------
  // Takes a view over from the address, after Back and Forward.
  adopt(get) {
    if (!this.data) return;
    this.view = readView(get, this.data);
    this.makeItems();
    this.drawControls();
    this.drawLegend();
    this.arrange();
    this.panels.forEach((panel) => panel.redraw());
    this.loadSeen(true);
  }

  // Something in the view is different: draw the controls, keep the address, ask again if need be.
  changed({ isNewStep = true, asks = true, regroups = false } = {}) {
    if (regroups) {
      this.makeItems();
      this.drawLegend();
    }
    if (asks) this.loadSeen(true);
    else this.panels.forEach((panel) => panel.redraw());
    this.drawControls();
    this.writeUrl(isNewStep);
  }

  // One of many small changes, or the only one: the first is asked at once, later ones when they
  // rest. Returns whether it was asked at once.
  slid() {
    const now = performance.now();
    const isFirst = !(now - this.slidAt < SLIDE_MS);
    this.slidAt = now;
    clearTimeout(this.slideTimer);
    if (isFirst) this.loadSeen(true);
    this.slideTimer = setTimeout(() => {
      this.writeUrl(true);
      if (!isFirst) this.loadSeen(true);
    }, REST_MS);
    this.drawControls();
    return isFirst;
  }

  // A step of its own in the history for what was chosen; sliding and zooming on replace the last.
  writeUrl(isNewStep) {
    const url = new URL(document.location.href);
    for (const [key, value] of Object.entries(writeView(this.view, this.data))) {
      value ? url.searchParams.set(key, value) : url.searchParams.delete(key);
    }
    if (url.href === document.location.href) return;
    const now = performance.now();
    const isQuick = now - (this.writtenAt || -1e9) < 1000;
    this.writtenAt = now;
    if (isNewStep && !isQuick) history.pushState(history.state, "", url);
    else history.replaceState(history.state, "", url);
    clearTimeout(this.syncTimer);
    this.syncTimer = setTimeout(() => this.syncAddress(), SYNC_MS);
  }

  // The page keeps an address of its own for Python; it reads ours when the history moves.
  syncAddress() {
    const event = new PopStateEvent("popstate", { state: history.state });
    event.isOurs = true;
    window.dispatchEvent(event);
  }

  // -- range -----------------------------------------------------------------------------------
  full() {
    let low = Infinity;
    let high = -Infinity;
    for (const panel of this.panels.values()) {
      if (!panel.extent || !panel.isCurrent()) continue;
      low = Math.min(low, panel.extent[0]);
      high = Math.max(high, panel.extent[1]);
    }
    if (low > high) return this.view.logx ? [1, 10] : [0, 1];
    if (low < high) return [low, high];
    return this.view.logx ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  }

  range() {
    return this.view.zoom || this.full();
  }

  zoomTo(range) {
    const { logx } = this.view;
    const [low, high] = this.full().map((end) => placeOf(end, logx));
    if (range) {
      let [start, end] = range.map((one) => placeOf(one, logx));
      const width = Math.max(Math.min(end - start, high - low), (high - low) * 1e-7);
      start = Math.max(low, Math.min(start, high - width));
      range = width >= (high - low) * 0.9999 ? null : [start, start + width].map((one) => valueOf(one, logx));
    }
    this.view.zoom = range;
    // Exact points mostly come so soon that drawing what is known would only hold them up.
    const patience = this.slid() ? PATIENCE_MS : 0;
    clearTimeout(this.rangeTimer);
    this.rangeTimer = setTimeout(() => this.panels.forEach((panel) => panel.applyRange()), patience);
  }

  // Moves and widens what is seen, as shares of its width where it is drawn.
  shift(from, to) {
    const { logx } = this.view;
    const [low, high] = this.range().map((end) => placeOf(end, logx));
    const width = high - low;
    this.zoomTo([low + from * width, high + to * width].map((one) => valueOf(one, logx)));
  }

  // -- one run among many ----------------------------------------------------------------------
  highlight(id) {
    if (this.hovered === id) return;
    this.hovered = id;
    this.visiblePanels().forEach((panel) => panel.redraw());
    for (const chip of this.find(".legend").children) chip.classList.toggle("hovered", chip.dataset.run === id);
  }

  isFaint(id) {
    const { pin } = this.view;
    const isAnyPinned = this.items.some((item) => pin.has(item.id));
    return (isAnyPinned || this.hovered !== null) && id !== this.hovered && !pin.has(id);
  }

  isStrong(id) {
    return id === this.hovered || this.view.pin.has(id);
  }

  togglePin(id) {
    const { pin } = this.view;
    pin.has(id) ? pin.delete(id) : pin.add(id);
    this.drawLegend();
    this.changed({ asks: false });
  }

  toggleHidden(id) {
    const { hide } = this.view;
    hide.has(id) ? hide.delete(id) : hide.add(id);
    this.drawLegend();
    this.panels.forEach((panel) => panel.redraw());
    this.changed();
  }

  // -- live ------------------------------------------------------------------------------------
  schedule(delay) {
    clearTimeout(this.timer);
    this.timer = null;
    if (delay !== null && (this.running.size || this.offlineSince)) {
      this.timer = setTimeout(() => this.tick(), delay);
    }
    this.drawLive();
  }

  async tick() {
    if (document.hidden) return;
    const panels = this.visiblePanels();
    await Promise.allSettled(panels.map((panel) => panel.load(false)));
    const cost = panels.reduce((sum, panel) => sum + (panel.cost || 0) + REQUEST_MS, LOOK_MS);
    const retry = RETRY_MS[Math.min(this.failures - 1, RETRY_MS.length - 1)];
    this.schedule(this.failures ? retry : Math.max(POLL_MS, cost * REST_PER_COST));
  }

  visiblePanels() {
    return [...this.panels.values()].filter((panel) => panel.isSeen);
  }

  loadSeen(force) {
    this.panels.forEach((panel) => (panel.isSeen ? panel.load(force) : panel.forget()));
  }

  onSeen(entries) {
    for (const entry of entries) {
      const panel = [...this.panels.values()].find((item) => item.el === entry.target);
      if (!panel) continue;
      const appeared = entry.isIntersecting && !panel.isSeen;
      panel.isSeen = entry.isIntersecting;
      if (appeared) panel.load(panel.version === null);
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
}
