// What stands above the panels: how the curves are drawn, and the legend of runs or groups.
Explorer.prototype.bindControls = function () {
  const smooth = this.find("[name=smooth]");
  smooth.oninput = () => {
    this.view.smooth = Number(smooth.value);
    this.slid();
  };
  for (const name of ["log", "clip", "logx", "traces"]) {
    this.find(`[name=${name}]`).onchange = (event) => {
      this.view[name] = event.target.checked;
      if (name === "logx" && this.view.zoom) this.view.zoom = null;
      this.changed({ asks: name !== "log" });
    };
  }
  const axes = this.find(".axes");
  for (const [axis, label] of Object.entries(AXES)) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.axis = axis;
    button.textContent = label;
    button.onclick = () => this.setAxis(axis);
    axes.append(button);
  }
  const metric = document.createElement("select");
  metric.name = "axis";
  metric.setAttribute("aria-label", "A metric as the horizontal axis");
  metric.onchange = () => this.setAxis(metric.value || this.data.plainX);
  axes.append(metric);
  this.find("[name=by]").onchange = (event) => {
    Object.assign(this.view, { by: event.target.value, hide: new Set(), pin: new Set() });
    this.changed({ regroups: true });
  };
  this.find("[name=band]").onchange = (event) => {
    this.view.band = event.target.value;
    this.changed();
  };
  this.find("[name=band]").append(...Object.entries(BANDS).map(([value, label]) => new Option(label, value)));
  this.find(".reset").onclick = () => this.zoomTo(null);
};

Explorer.prototype.setAxis = function (axis) {
  if (this.view.x === axis) return;
  this.view.x = axis;
  this.view.zoom = null;
  this.changed();
};

Explorer.prototype.drawControls = function () {
  const { view, data } = this;
  const smooth = this.find("[name=smooth]");
  smooth.value = view.smooth;
  smooth.style.setProperty("--filled", `${(view.smooth / 0.99) * 100}%`);
  setText(this.find(".field output"), view.smooth ? view.smooth.toFixed(2) : "off");
  for (const name of ["log", "clip", "logx", "traces"]) this.find(`[name=${name}]`).checked = view[name];
  for (const button of this.root.querySelectorAll(".axes button")) {
    button.setAttribute("aria-pressed", String(button.dataset.axis === view.x));
  }
  const metric = this.find("[name=axis]");
  options(metric, [["", "Metric…"], ...data.axes.map((name) => [name, name])]);
  metric.value = view.x in AXES ? "" : view.x;
  metric.hidden = !data.axes.length;
  metric.classList.toggle("chosen", !(view.x in AXES));
  const by = this.find("[name=by]");
  options(by, [["", "nothing"], ...data.groupings.map(({ key, label }) => [key, label])]);
  by.value = view.by;
  this.find(".grouping").hidden = !data.groupings.length;
  for (const one of this.root.querySelectorAll(".grouped")) one.hidden = !view.by;
  this.find("[name=band]").value = view.band;
  this.find(".reset").hidden = !view.zoom;
};

// The options of a list, left alone while they are the same: an open list stays open.
function options(list, wanted) {
  const signature = JSON.stringify(wanted);
  if (list.signature === signature) return;
  list.signature = signature;
  list.replaceChildren(...wanted.map(([value, label]) => new Option(label, value)));
}

Explorer.prototype.drawLegend = function () {
  const legend = this.find(".legend");
  const active = this.root.getRootNode().activeElement;
  const focused = active?.closest?.(".chip") && [active.closest(".chip").dataset.run, active.className];
  const { scrollTop } = legend;
  legend.replaceChildren(...this.items.map((item) => this.chip(item)));
  legend.scrollTop = scrollTop;
  if (!focused) return;
  const chip = legend.querySelector(`[data-run="${CSS.escape(focused[0])}"]`);
  chip?.querySelector(focused[1].startsWith("pin") ? ".pin" : ".name")?.focus();
};

Explorer.prototype.chip = function (item) {
  const { hide, pin } = this.view;
  const chip = document.createElement("span");
  chip.className = "chip";
  chip.dataset.run = item.id;
  chip.classList.toggle("off", hide.has(item.id));
  chip.classList.toggle("pinned", pin.has(item.id));
  const name = document.createElement("button");
  name.type = "button";
  name.className = "name";
  name.title = `Show or hide ${item.name}`;
  name.setAttribute("aria-pressed", String(!hide.has(item.id)));
  const label = document.createElement("span");
  label.textContent = item.name;
  const note = document.createElement("small");
  note.textContent = item.note;
  name.append(letterOf(item, this), label, note);
  name.onclick = () => this.toggleHidden(item.id);
  chip.append(name);
  if (this.items.length > 1) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "pin";
    button.title = pin.has(item.id) ? `Unpin ${item.name}` : `Pin ${item.name}: it stands out in all panels`;
    button.setAttribute("aria-label", `Pin ${item.name}`);
    button.setAttribute("aria-pressed", String(pin.has(item.id)));
    button.innerHTML =
      '<svg width="11" height="13" viewBox="0 0 11 13" aria-hidden="true"><path d="M3 1h5M3.6 1v4L2 7.5h7L7.4 5V1M5.5 7.5V12" ' +
      'fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round"/></svg>';
    button.onclick = () => this.togglePin(item.id);
    chip.append(button);
  }
  chip.onmouseenter = () => this.highlight(item.id);
  chip.onmouseleave = () => this.highlight(null);
  return chip;
};

Explorer.prototype.drawLive = function () {
  const box = this.find(".live");
  const text = box.querySelector("span");
  const isOn = !this.offlineSince && this.running.size > 0;
  box.classList.toggle("on", isOn);
  box.classList.toggle("off", Boolean(this.offlineSince));
  box.hidden = !isOn && !this.offlineSince;
  if (this.offlineSince) {
    const at = this.offlineSince.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    setText(text, `Not live since ${at} · trying again`);
  } else if (isOn) {
    setText(text, this.running.size === 1 ? "Live" : `Live · ${this.running.size} running`);
  }
};
