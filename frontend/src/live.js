// A part of a page that is asked for anew, and put in place, where a whole page would be loaded: data-live, with an id.
// The server stays the one who sorts, filters and pages: LINKS and forms (form.filters) in the part lead to addresses of
// their own, which the browser shows, and which work without this.

const PAUSE = 250; // milliseconds without a key before the server is asked
const LINKS = "a.sort, .paging a, .narrow a, a[data-stay]";

export function makeLive(part) {
  const news = document.createElement("p");
  news.className = "unseen";
  news.setAttribute("role", "status");
  part.after(news);
  let clock, asking;

  const go = async (address, { keep }) => {
    clearTimeout(clock);
    asking?.abort();
    asking = new AbortController();
    part.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { signal: asking.signal, headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(part.id);
      if (!answer.ok || !fresh) return location.assign(address);
      const focus = focusIn(part);
      part.replaceChildren(...fresh.childNodes);
      focus();
      document.title = page.title;
      if (keep !== "none") history[keep === "push" ? "pushState" : "replaceState"](null, "", address);
      news.textContent = part.querySelector("[role=status]")?.textContent.trim() ?? "";
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
      return;
    }
    part.removeAttribute("aria-busy");
  };

  part.addEventListener("click", (event) => {
    const link = event.target.closest(LINKS);
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(link.href, { keep: "push" });
  });
  part.addEventListener("submit", (event) => {
    if (!event.target.matches("form.filters")) return;
    event.preventDefault();
    go(addressOf(event.target), { keep: "push" });
  });
  part.addEventListener("input", (event) => {
    const form = event.target.closest("form.filters");
    if (!form) return;
    clearTimeout(clock);
    clock = setTimeout(() => go(addressOf(form), { keep: "replace" }), PAUSE);
  });
  addEventListener("popstate", () => go(location.href, { keep: "none" }));
}

// Where a form leads; fields that are empty need not be in an address.
function addressOf(form) {
  const address = new URL(form.action);
  const given = [...new FormData(form)].filter(([, value]) => value !== "");
  address.search = new URLSearchParams(given).toString();
  return address.href;
}

// Returns what puts the focus back where it was, into a part that has been made anew.
function focusIn(part) {
  const held = document.activeElement;
  if (!part.contains(held)) return () => {};
  const place = [...part.querySelectorAll(LINKS)].indexOf(held);
  const { id, value, selectionStart, selectionEnd } = held;
  return () => {
    const again = (id && document.getElementById(id)) || part.querySelectorAll(LINKS)[place] || part;
    if (again === part) part.tabIndex = -1;
    again.focus({ preventScroll: true });
    if (typeof selectionStart === "number") {
      again.value = value; // typed meanwhile
      again.setSelectionRange(selectionStart, selectionEnd);
    }
  };
}
