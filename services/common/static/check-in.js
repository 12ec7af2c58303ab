// The check-in desk without a network: each tap is kept on this device first, and sent until the server has answered.
// A tap carries an id of its own, so that one sent twice counts once. Without this script the buttons post forms.
"use strict";
(() => {
  const desk = document.getElementById("desk");
  const state = document.getElementById("desk-state");
  const key = "hesheng-taps-" + desk.dataset.shift;
  const said = state.textContent;
  let refused = "";
  let sending = false;
  let sent = false;

  const read = () => JSON.parse(localStorage.getItem(key) || "[]");
  const write = (taps) => taps.length ? localStorage.setItem(key, JSON.stringify(taps)) : localStorage.removeItem(key);
  const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

  function show() {
    const waiting = read().length;
    state.textContent = refused || (waiting ? waiting + " " + state.dataset.waiting : sent ? state.dataset.sent : said);
    state.classList.toggle("wrong", Boolean(refused));
  }

  function mark(tap) {
    const row = desk.querySelector('[data-registration="' + tap.registration_id + '"]');
    if (!row) return;
    const clock = new Date(tap.at).toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: desk.dataset.zone });
    const words = { in: desk.dataset.came, out: desk.dataset.left, no_show: desk.dataset.missing };
    row.querySelector(".desk-outcome").textContent = words[tap.what] + (tap.what === "no_show" ? "" : " " + clock);
    row.querySelector('[value="in"]').hidden = tap.what !== "no_show";
    row.querySelector('[value="out"]').hidden = tap.what !== "in";
    row.querySelector('[value="no_show"]').hidden = true;
  }

  async function send() {
    const taps = read().slice(0, 100);
    if (!taps.length || sending) return;
    sending = true;
    try {
      const answer = await fetch(desk.dataset.batch, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": desk.dataset.csrf, "Accept-Language": document.documentElement.lang },
        body: JSON.stringify({ taps }),
      });
      if (answer.ok) {
        const results = (await answer.json()).results;
        const done = new Set(results.map((result) => result.id));
        write(read().filter((tap) => !done.has(tap.id)));
        const bad = results.filter((result) => result.verdict === "refused");
        if (bad.length) refused = state.dataset.refused + bad.map((result) => name(taps, result.id) + " " + result.detail).join(" ");
        else sent = true;
      } else if (answer.status !== 503 && answer.status !== 429) {
        refused = state.dataset.refused + ((await answer.json().catch(() => ({}))).detail || answer.status);
      }
    } catch {
      // No network: the taps wait.
    }
    sending = false;
    show();
  }

  function name(taps, id) {
    const tap = taps.find((one) => one.id === id);
    const row = tap && desk.querySelector('[data-registration="' + tap.registration_id + '"]');
    return row ? row.dataset.name + ":" : "";
  }

  desk.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    event.preventDefault();
    refused = "";
    const row = button.closest("[data-registration]");
    const tap = { id: newId(), registration_id: row.dataset.registration, what: button.value, at: new Date().toISOString() };
    write([...read(), tap]);
    mark(tap);
    show();
    send();
  });

  document.getElementById("q").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const row of desk.children) row.hidden = !row.dataset.name.toLowerCase().includes(wanted);
  });

  for (const tap of read()) mark(tap);
  show();
  send();
  addEventListener("online", send);
  setInterval(send, 5000);
  if ("serviceWorker" in navigator) navigator.serviceWorker.register(desk.dataset.worker).catch(() => {});
})();
