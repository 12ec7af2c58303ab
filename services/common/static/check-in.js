// The check-in desk without a network: each tap is kept on this device first, and sent until the server has answered.
// A tap carries an id of its own, so that one sent twice counts once; taking one back is a tap that names it. What the
// server refuses stays on the device, with the reason, until somebody says that it is dealt with. What it took is kept
// too until a list made later was loaded: without a network the page is an older copy. Without this script the buttons
// post forms.
"use strict";
(() => {
  const desk = document.getElementById("desk");
  const state = document.getElementById("desk-state");
  const kept = document.getElementById("desk-kept");
  const key = "hesheng-taps-" + desk.dataset.shift;
  const keptKey = "hesheng-refused-" + desk.dataset.shift;
  const takenKey = "hesheng-taken-" + desk.dataset.shift;
  const words = { in: desk.dataset.came, out: desk.dataset.left, no_show: desk.dataset.missing };
  const said = state.textContent;
  let problem = "";
  let sending = false;
  let sent = false;

  const read = (name) => JSON.parse(localStorage.getItem(name) || "[]");
  const write = (name, taps) => taps.length ? localStorage.setItem(name, JSON.stringify(taps)) : localStorage.removeItem(name);
  const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  const clock = (at) => new Date(at).toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: desk.dataset.zone });
  const rowOf = (tap) => desk.querySelector('[data-registration="' + tap.registration_id + '"]');

  function show() {
    const waiting = read(key).length;
    state.textContent = problem || (waiting ? waiting + " " + state.dataset.waiting : sent ? state.dataset.sent : said);
    state.classList.toggle("wrong", Boolean(problem));
    const refused = read(keptKey);
    kept.hidden = !refused.length;
    kept.querySelector("ul").replaceChildren(...refused.map((tap) => {
      const line = document.createElement("li");
      const row = rowOf(tap);
      line.textContent = [row ? row.dataset.name : "", words[tap.what] || "", clock(tap.at), tap.detail].join(" ");
      return line;
    }));
  }

  // What stands for a person: what the page was made with, and the taps since, less what was taken back.
  const trails = new Map();
  function trailOf(row) {
    if (!trails.has(row)) {
      trails.set(row, row.dataset.said.split(" ").filter(Boolean).map((entry) => {
        const [what, id, at] = entry.split(",");
        return { what, id, at };
      }));
    }
    return trails.get(row);
  }

  function mark(tap) {
    const row = rowOf(tap);
    if (!row || trailOf(row).some((entry) => entry.id === tap.id)) return;
    const trail = trailOf(row).filter((entry) => entry.id !== tap.voids);
    if (tap.what !== "void") trail.push(tap);
    trails.set(row, trail);
    const has = (what) => trail.some((entry) => entry.what === what);
    const last = trail.filter((entry) => entry.what !== "no_show").at(-1) || trail.at(-1);
    row.querySelector(".desk-outcome").textContent = last ? words[last.what] + (last.what === "no_show" ? "" : " " + clock(last.at)) : "";
    row.querySelector('[value="in"]').hidden = has("in");
    row.querySelector('[value="out"]').hidden = !has("in") || has("out");
    row.querySelector('[value="no_show"]').hidden = has("in") || has("no_show");
    row.querySelector('[value="void"]').hidden = !trail.length;
  }

  async function send() {
    const taps = read(key).slice(0, 100);
    if (!taps.length || sending) return;
    sending = true;
    try {
      const answer = await fetch(desk.dataset.batch, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": desk.dataset.csrf, "Accept-Language": document.documentElement.lang },
        body: JSON.stringify({ taps }),
      });
      if (answer.ok) {
        const results = new Map((await answer.json()).results.map((result) => [result.id, result]));
        const refused = taps.filter((tap) => results.get(tap.id)?.verdict === "refused");
        write(keptKey, [...read(keptKey), ...refused.map((tap) => ({ ...tap, detail: results.get(tap.id).detail }))]);
        // By the server's clock, like the list. It tells whole seconds: a tap that the list has already is passed over.
        const at = Date.parse(answer.headers.get("Date")) + 1000;
        const taken = taps.filter((tap) => ["recorded", "already"].includes(results.get(tap.id)?.verdict));
        write(takenKey, [...read(takenKey), ...taken.map((tap) => ({ ...tap, taken: at }))]);
        write(key, read(key).filter((tap) => !results.has(tap.id)));
        const pending = [...results.values()].find((result) => result.verdict === "pending");
        problem = pending ? pending.detail : "";
        sent = !refused.length;
      } else if (answer.status !== 503 && answer.status !== 429) {
        problem = state.dataset.refused + ((await answer.json().catch(() => ({}))).detail || answer.status);
      }
    } catch {
      // No network: the taps wait.
    }
    sending = false;
    show();
  }

  desk.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    event.preventDefault();
    problem = "";
    const row = button.closest("[data-registration]");
    const tap = { id: newId(), registration_id: row.dataset.registration, what: button.value, at: new Date().toISOString() };
    if (tap.what === "void") tap.voids = trailOf(row).at(-1).id;
    write(key, [...read(key), tap]);
    mark(tap);
    show();
    send();
  });

  kept.querySelector("button").addEventListener("click", () => {
    write(keptKey, []);
    show();
  });

  document.getElementById("q").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const row of desk.children) row.hidden = !row.dataset.name.toLowerCase().includes(wanted);
  });

  write(takenKey, read(takenKey).filter((tap) => tap.taken > Date.parse(desk.dataset.made)));
  for (const tap of [...read(takenKey), ...read(key)]) mark(tap);
  show();
  send();
  addEventListener("online", send);
  setInterval(send, 5000);
  if ("serviceWorker" in navigator) navigator.serviceWorker.register(desk.dataset.worker).catch(() => {});
})();
