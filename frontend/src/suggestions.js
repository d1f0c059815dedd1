// What a search form suggests while somebody types: a combobox whose list opens under the field.
// The server answers {query, suggestions: [{label, href, kind, lang, match}]}; whatever goes wrong, the form still searches.

const PAUSE = 60; // milliseconds without a key before the server is asked

let forms = 0;

export function makeSuggesting(form) {
  const field = form.querySelector("input[name=q]");
  const list = document.createElement("ul");
  list.id = `suggestions-${++forms}`;
  list.className = "suggestions";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", form.dataset.label);
  form.append(list);
  for (const [name, value] of Object.entries({
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-controls": list.id,
    "aria-expanded": "false",
  })) field.setAttribute(name, value);

  let clock, asking, active = -1;

  const options = () => [...list.children];
  const close = () => {
    clearTimeout(clock);
    asking?.abort();
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    mark(-1);
  };
  const mark = (index) => {
    active = index;
    options().forEach((option, i) => option.setAttribute("aria-selected", String(i === index)));
    const chosen = options()[index];
    if (chosen) {
      field.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  };
  const show = (found) => {
    list.replaceChildren(...found.map((one, i) => optionOf(one, `${list.id}-${i}`)));
    list.hidden = !found.length;
    field.setAttribute("aria-expanded", String(!list.hidden));
    mark(-1);
  };
  const ask = async () => {
    const text = field.value.trim();
    asking?.abort();
    if (!text) return close();
    asking = new AbortController();
    const address = new URL(form.dataset.suggest, location.href);
    address.searchParams.set("q", text);
    try {
      const answer = await fetch(address, { signal: asking.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) return close();
      const { suggestions } = await answer.json();
      if (document.activeElement === field && field.value.trim() === text) show(suggestions.filter(isSafe));
    } catch (error) {
      if (error.name !== "AbortError") close();
    }
  };

  field.addEventListener("input", () => {
    clearTimeout(clock);
    clock = setTimeout(ask, PAUSE);
  });
  field.addEventListener("keydown", (event) => {
    const count = options().length;
    if (event.isComposing) return;
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && list.hidden) {
      if (field.value.trim()) ask();
    } else if (list.hidden) {
      return;
    } else if (event.key === "ArrowDown") {
      mark(active + 1 < count ? active + 1 : -1);
    } else if (event.key === "ArrowUp") {
      mark(active < 0 ? count - 1 : active - 1);
    } else if (event.key === "Enter" && active >= 0) {
      location.assign(options()[active].dataset.href);
    } else if (event.key === "Escape") {
      close();
    } else return;
    event.preventDefault();
  });
  field.addEventListener("blur", close);
  // A press must not take the focus away before it has chosen.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) location.assign(option.dataset.href);
  });
}

function isSafe({ href }) {
  return /^https?:$/.test(new URL(href, location.href).protocol);
}

function optionOf({ label, href, kind, lang, match }, id) {
  const option = document.createElement("li");
  option.id = id;
  option.dataset.href = href;
  option.setAttribute("role", "option");
  const name = document.createElement("span");
  name.textContent = label;
  if (lang) name.lang = lang;
  option.append(name);
  // What it is, and under which other name it was found.
  for (const text of [match, kind].filter(Boolean)) {
    const small = document.createElement("small");
    small.textContent = text;
    option.append(" ", small);
  }
  return option;
}
