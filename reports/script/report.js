/* What a reader can do with the page: filter, sort, open, copy a link. Everything can be read
   without it; what it shows in words stands in the templates, in the page's language. */
(() => {
  "use strict";
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const panel = document.getElementById("filters");
  const items = all("[data-verdict]"); // every finding's row, and what speaks of it elsewhere
  const rows = items.filter((item) => item.localName === "tr");
  const say = (text) => {
    const told = panel?.querySelector("[role=status]");
    if (told) told.textContent = text;
  };

  // ── folds ──
  const open = (element) => {
    for (let at = element; at; at = at.parentElement) if (at.localName === "details") at.open = true;
  };
  const setAll = (state) => all("main details").forEach((fold) => (fold.open = state));

  // ── filter: what does not fit leaves the screen, never the print ──
  const HOLDERS = ".worst, .scroll, table, details, article, section";
  const holders = new Set();
  for (const item of items)
    for (let at = item.parentElement; at; at = at.parentElement)
      if (at.matches(HOLDERS)) holders.add(at);
  const filter = () => {
    const wanted = Object.fromEntries(all("select, input", panel).map((f) => [f.name, f.value]));
    const words = wanted.text.trim().toLowerCase();
    const active = Boolean(wanted.family || wanted.verdict || words);
    for (const item of items) {
      const { family, verdict, where = "" } = item.dataset;
      const fits =
        (!wanted.family || family === wanted.family) &&
        (!wanted.verdict || verdict === wanted.verdict) &&
        where.toLowerCase().includes(words);
      item.classList.toggle("out", !fits);
      if (active && fits) open(item);
    }
    for (const holder of holders)
      holder.classList.toggle("out", !holder.querySelector("[data-verdict]:not(.out)"));
    const shown = rows.filter((row) => !row.classList.contains("out")).length;
    const text = shown ? panel.dataset.shown : panel.dataset.none;
    say(active ? filled(text, { n: shown, all: rows.length }) : "");
  };
  const clear = () => {
    all("select, input", panel).forEach((field) => (field.value = ""));
    filter();
  };
  if (panel && rows.length) {
    panel.hidden = false;
    panel.addEventListener("input", filter);
    panel.addEventListener("click", (event) => {
      const act = event.target.closest("button")?.dataset.act;
      if (act === "clear") clear();
      else if (act) setAll(act === "open");
    });
  }

  // ── sort: up, down, as it was; what has no figure stays below ──
  const content = (row, column) => {
    const cell = row.cells[column];
    const data = cell?.querySelector("data[value]");
    const text = (cell?.textContent ?? "").trim();
    if (data) return Number(data.value);
    // A number, or an interval by its lower end; thin spaces stand between thousands, and the
    // minus is a sign of its own.
    const figure = parseFloat(text.replace(/(\d)[\u2009\u202f](?=\d)/g, "$1").replace("\u2212", "-"));
    if (!Number.isNaN(figure)) return figure;
    return text === "—" ? "" : text;
  };
  const order = (a, b) =>
    typeof a === "number" && typeof b === "number"
      ? a - b
      : String(a).localeCompare(String(b), undefined, { numeric: true });
  const sort = (rows, column, way) => {
    const sorted = rows.map((row) => [content(row, column), row]);
    if (way)
      sorted.sort(([a], [b]) => (a === "") - (b === "") || (a === "" ? 0 : way * order(a, b)));
    return sorted.map(([, row]) => row);
  };
  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
  const WAY = { none: 0, ascending: 1, descending: -1 };
  for (const table of all("table[data-sortable]")) {
    const [body] = table.tBodies;
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
    if (!body || table.tBodies.length > 1 || all("[colspan], [rowspan]", table).length) continue;
    const written = [...body.rows];
    heads.forEach((head, column) => {
      if (head.localName !== "th" || !head.textContent.trim() || body.rows.length < 2) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = NEXT[head.ariaSort ?? "none"];
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (next !== "none") head.setAttribute("aria-sort", next);
        body.append(...sort(written, column, WAY[next]));
      });
    });
  }

  // ── a finding's link ──
  const copied = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  };
  const model = document.getElementById("copy")?.content.firstElementChild;
  for (const place of model ? all("[id^=finding-]") : []) {
    const button = model.cloneNode(true);
    const head = place.cells?.[0] ?? place;
    const named = head.querySelector("bdi") ?? head.lastChild ?? head;
    const name = named.textContent.trim().slice(0, 80);
    button.setAttribute("aria-label", filled(button.dataset.label, { name }));
    named.after(" ", button);
    button.addEventListener("click", async () => {
      const done = await copied(`${location.href.split("#")[0]}#${place.id}`);
      button.focus();
      if (!done) history.replaceState(null, "", `#${place.id}`);
      button.classList.add("done");
      setTimeout(() => button.classList.remove("done"), 2000);
      say(done ? panel.dataset.copied : panel.dataset.barred);
    });
  }

  // ── where a link leads is open, and not filtered away ──
  const arrive = () => {
    let target = null;
    try {
      target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch {
      return; // no id: a hash that is not well encoded
    }
    if (!target) return;
    if (panel && target.closest(".out")) clear();
    open(target);
    target.scrollIntoView();
  };
  addEventListener("hashchange", arrive);
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash) arrive();
  });
  if (location.hash) arrive();

  // ── on paper everything is open ──
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    closed.forEach((fold) => (fold.open = true));
  });
  addEventListener("afterprint", () => closed.forEach((fold) => (fold.open = false)));
})();
