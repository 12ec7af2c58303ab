// Another language or size of type makes the page anew, and what was typed goes along. From the press until the new page
// has it, it lies in this tab's own storage: no address, no cookie and no server sees it. Passwords and files stay behind.
"use strict";
(() => {
  const key = "hesheng-typed";
  const oldest = 30_000; // What a page that failed to load left behind is not for whoever sits here next.
  const preferences = document.getElementById("preferences");
  const left = ["hidden", "password", "file", "submit", "button"];
  // The version that a form was made from goes along: an edit that somebody else made meanwhile is still noticed.
  const goesAlong = (field) => field.name && (field.name === "version" || !left.includes(field.type));
  const ticks = (field) => field.type === "checkbox" || field.type === "radio";
  const options = (field) => Array.from(field.options || []);

  function fields() {
    const seen = new Map();
    return Array.from(document.querySelectorAll("main form")).flatMap((form) => Array.from(form.elements).filter(goesAlong).map((field) => {
      // Of many ticks by one name each is known by its value: the list may be another one by then.
      const name = form.getAttribute("action") + " " + field.name + (ticks(field) ? " " + field.value : "");
      seen.set(name, (seen.get(name) || 0) + 1);
      return [name + " " + seen.get(name), field];
    }));
  }

  function value(field) {
    if (ticks(field)) return field.checked;
    return options(field).length ? options(field).filter((one) => one.selected).map((one) => one.value) : field.value;
  }

  function isChanged(field) {
    if (ticks(field)) return field.checked !== field.defaultChecked;
    if (!options(field).length) return field.value !== field.defaultValue;
    const usual = options(field).filter((one) => one.defaultSelected);
    return options(field).some((one, at) => one.selected !== (usual.length ? one.defaultSelected : !field.multiple && at === 0));
  }

  function fill(field, kept) {
    if (JSON.stringify(value(field)) === JSON.stringify(kept)) return;
    if (ticks(field)) field.checked = kept;
    else if (options(field).length) for (const one of options(field)) one.selected = kept.includes(one.value);
    else field.value = kept;
    field.closest("details")?.setAttribute("open", "");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.getElementById("empties").remove();
  const { at = 0, kept = {} } = JSON.parse(sessionStorage.getItem(key) || "{}");
  sessionStorage.removeItem(key);
  if (Date.now() - at < oldest) for (const [name, field] of fields()) if (name in kept) fill(field, kept[name]);

  preferences.addEventListener("submit", () => {
    // A page that answers a form has in its fields what was typed before; the next one is asked for without.
    const all = "answers" in preferences.dataset;
    const going = fields().filter(([, field]) => all || field.name === "version" || isChanged(field));
    const typed = Object.fromEntries(going.map(([name, field]) => [name, value(field)]));
    sessionStorage.setItem(key, JSON.stringify({ at: Date.now(), kept: typed }));
  });
})();
