"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const list = $("list");
  const all = list ? [...list.children] : [];
  const order = new Map(all.map((one, at) => [one, at]));
  const texts = new Map();
  const store = {
    get: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
    set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* a page from disk may have no storage */ } },
  };

  // ------------------------------------------------------------------ light and dark
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const kept = store.get("auditor-theme");
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  const switchTheme = () => {
    root.dataset.theme = dark() ? "light" : "dark";
    store.set("auditor-theme", root.dataset.theme);
  };
  $("tools").hidden = false;
  $("theme").addEventListener("click", switchTheme);

  // ------------------------------------------------------------------ keys
  const keys = $("keys");
  $("help").addEventListener("click", () => keys.showModal());

  // ------------------------------------------------------------------ copying
  const said = $("said");
  const copied = async (button, text) => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Press Ctrl+C";
      getSelection().selectAllChildren(button.previousElementSibling);
    }
    said.textContent = button.textContent;
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  for (const block of document.querySelectorAll("pre.copy, pre.diff")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copier";
    button.textContent = "Copy";
    button.addEventListener("click", () => copied(button, block.textContent));
    const frame = document.createElement("div");
    frame.className = "copyable";
    block.replaceWith(frame);
    frame.append(block, button);
  }

  // ------------------------------------------------------------------ printing shows everything
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of closed) one.open = false; });

  // ------------------------------------------------------------------ permalinks
  const follow = () => {
    const target = location.hash.length > 1 && $(decodeURIComponent(location.hash.slice(1)));
    if (!target || !target.matches("details.f")) return;
    if (target.hidden) reset();
    target.open = true;
    target.scrollIntoView({ block: "start" });
    target.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#f-']");
    if (link && link.hash === location.hash) { event.preventDefault(); follow(); }
  });

  // ------------------------------------------------------------------ notes, said in place when a finding is opened
  if (list) list.addEventListener("toggle", (event) => {
    for (const link of event.target.querySelectorAll(".b a[href^='#n']")) {
      const text = document.createElement("span");
      text.className = "said";
      text.innerHTML = $(link.hash.slice(1)).innerHTML;
      link.replaceWith(text);
    }
  }, true);

  // ------------------------------------------------------------------ filters
  const form = $("filters");
  const boxes = form ? [...form.querySelectorAll("input[type=checkbox]")] : [];
  const textOf = (one) => {
    let text = texts.get(one);
    if (text === undefined) {
      text = (one.firstElementChild.textContent + " " + one.querySelector(".path").textContent).toLowerCase();
      texts.set(one, text);
    }
    return text;
  };
  const warm = (at) => {
    for (const one of all.slice(at, at + 250)) textOf(one);
    if (at + 250 < all.length) setTimeout(warm, 0, at + 250);
  };
  setTimeout(warm, 0, 0);
  const ruleOf = (one) => one.firstElementChild.lastElementChild.textContent;
  const visible = () => all.filter((one) => !one.hidden);
  const filter = () => {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const levels = new Set(boxes.filter((box) => box.checked).map((box) => box.value.toLowerCase()));
    const rule = $("rule").value;
    let shown = 0;
    for (const one of all) {
      const fits = levels.has(one.classList[1]) && (!rule || ruleOf(one) === rule) &&
        (!words.length || words.every((word) => textOf(one).includes(word)));
      if (one.hidden === fits) one.hidden = !fits;
      shown += fits;
    }
    $("shown").value = shown === all.length ? `${all.length.toLocaleString("en")} findings` :
      `${shown.toLocaleString("en")} of ${all.length.toLocaleString("en")}`;
    $("empty").hidden = shown > 0;
  };
  const sort = () => {
    const place = (one) => one.querySelector(".w").textContent;
    const by = {
      severity: () => 0,
      time: (a, b) => b.dataset.t - a.dataset.t,
      place: (a, b) => place(a).localeCompare(place(b), "en", { numeric: true }),
      rule: (a, b) => ruleOf(a) < ruleOf(b) ? -1 : ruleOf(a) > ruleOf(b) ? 1 : 0,
    }[$("sort").value];
    all.sort((a, b) => by(a, b) || order.get(a) - order.get(b));
    list.append(...all);
  };
  const reset = () => {
    form.reset();
    sort();
    filter();
  };
  const openAll = () => {
    const shown = visible();
    const open = shown.some((one) => !one.open);
    for (const one of shown) one.open = open;
    $("expand").textContent = open ? "Close all" : "Open all";
  };
  if (form) {
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    $("search").addEventListener("input", filter);
    form.addEventListener("change", (event) => { if (event.target.id === "sort") sort(); filter(); });
    $("expand").addEventListener("click", openAll);
    $("reset").addEventListener("click", () => { reset(); $("search").focus(); });
    for (const tile of document.querySelectorAll("a[data-severity]")) {
      tile.addEventListener("click", () => {
        const any = boxes.some((box) => box.value === tile.dataset.severity);
        for (const box of boxes) box.checked = !any || box.value === tile.dataset.severity;
        filter();
      });
    }
    filter();
  }
  addEventListener("load", follow); // the browser moves the focus to the target itself, away from what can have it

  // ------------------------------------------------------------------ keyboard
  const step = (by) => {
    const shown = visible();
    if (!shown.length) return;
    const here = shown.indexOf(document.activeElement.closest("details.f"));
    const next = shown[here < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(Math.max(here + by, 0), shown.length - 1)];
    const summary = next.querySelector("summary");
    summary.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  const actions = {
    j: () => step(1),
    k: () => step(-1),
    o: () => { const here = document.activeElement.closest("details.f"); if (here) here.open = !here.open; },
    e: () => form && openAll(),
    t: switchTheme,
    "/": () => form && $("search").focus(),
    "?": () => keys.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input[type=search], select, textarea");
    if (event.key === "Escape" && event.target.id === "search") { event.target.value = ""; filter(); event.target.blur(); return; }
    if (typing || keys.open || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = Object.hasOwn(actions, event.key) ? actions[event.key] : null;
    if (act) { event.preventDefault(); act(); }
  });
})();
