// A button that copies the text of the element that it names in data-copy, and says so.

export function makeCopying(button) {
  const word = button.textContent;
  const name = button.getAttribute("aria-label");
  let clock;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    if (!source || !(await copied(source))) return;
    clearTimeout(clock);
    say(button, button.dataset.done, button.dataset.done);
    clock = setTimeout(() => say(button, word, name), 2000);
  });
  // A change of its name is read out.
  button.setAttribute("aria-live", "polite");
}

function say(button, word, name) {
  button.textContent = word;
  button.setAttribute("aria-label", name);
}

// The clipboard is there on safe origins only; elsewhere the old way still is.
async function copied(source) {
  try {
    await navigator.clipboard.writeText(source.innerText.trim());
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
}
