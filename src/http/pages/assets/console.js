// Has the code follow what is typed, and sends the form without leaving the page, so that a chosen file stays chosen.
"use strict";

(() => {
  const form = document.getElementById("call");
  const page = document.getElementById("console");
  const parsed = (text) => new DOMParser().parseFromString(text, "text/html");
  let asked = 0;
  let timer = 0;

  async function follow() {
    const mine = ++asked;
    const fields = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (typeof value === "string") fields.set(name, value);
      else if (value.name) fields.set("fileName", value.name);
    }
    try {
      const answer = await fetch("/dashboard/console/code", { method: "POST", body: fields });
      const code = answer.ok && !answer.redirected && parsed(await answer.text()).getElementById("code");
      if (code && mine === asked) wamux.morph(document.getElementById("code"), code);
    } catch {
      // The next key asks again.
    }
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(follow, 150);
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button.first");
    if (button.disabled) return;
    const name = button.textContent;
    button.disabled = true;
    button.textContent = form.dataset.sending;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
      const now = parsed(await answer.text());
      const next = now.getElementById("console");
      // Whatever else there is to say, a page says; sent again under the same id, nothing is sent twice.
      if (!next) return form.submit();
      wamux.morph(page, next);
      form.elements.once.value = next.querySelector("[name=once]").value;
      document.getElementById("answer").scrollIntoView({ block: "nearest" });
    } catch {
      form.submit();
    } finally {
      button.disabled = false;
      button.textContent = name;
    }
  });

  // The language that somebody reads stays theirs.
  const chosen = localStorage.getItem("wamux-language");
  const tab = chosen && document.querySelector(`[name=language][value="${CSS.escape(chosen)}"]`);
  if (tab) tab.checked = true;
  page.addEventListener("change", (event) => {
    if (event.target.name === "language") localStorage.setItem("wamux-language", event.target.value);
  });
})();
