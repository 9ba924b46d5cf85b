// Reads the page of actors again every two seconds and changes on it what differs: what is open stays open, and the focus stays.
"use strict";

(() => {
  const EVERY = 2000;
  const WITHIN = 10000;
  const KEY = "wamux-operator-token";
  const at = (id) => document.getElementById(id);
  let paused = false;
  let reading = false;

  document.documentElement.classList.add("with-script");

  function sameKind(old, now) {
    return old.nodeType === now.nodeType && old.nodeName === now.nodeName && (old.id || "") === (now.id || "");
  }

  function morphAttributes(old, now) {
    // What a person has opened or closed is theirs.
    const theirs = (name) => old.nodeName === "DETAILS" && name === "open";
    for (const { name } of [...old.attributes]) {
      if (!now.hasAttribute(name) && !theirs(name)) old.removeAttribute(name);
    }
    for (const { name, value } of now.attributes) {
      if (old.getAttribute(name) !== value && !theirs(name)) old.setAttribute(name, value);
    }
  }

  // Makes one part of the page like another, and keeps every element that is in both.
  function morph(old, now) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== now.data) old.data = now.data;
      return;
    }
    morphAttributes(old, now);
    const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let next = old.firstChild;
    for (const wanted of [...now.childNodes]) {
      const here = wanted.id ? known.get(wanted.id) : next;
      if (here && sameKind(here, wanted)) {
        if (here === next) next = next.nextSibling;
        else old.insertBefore(here, next);
        morph(here, wanted);
      } else {
        old.insertBefore(wanted, next);
      }
    }
    while (next) {
      const gone = next;
      next = next.nextSibling;
      gone.remove();
    }
  }

  // Visible ASCII: nothing else can be sent in a header.
  function isToken(text) {
    return /^[!-~]+$/.test(text);
  }

  function say(text) {
    at("reading").textContent = text;
  }

  async function fetched() {
    const token = sessionStorage.getItem(KEY);
    const headers = { Accept: "text/html" };
    if (token) headers.Authorization = `Bearer ${token}`;
    const answer = await fetch(location.href, { headers, cache: "no-store", signal: AbortSignal.timeout(WITHIN) });
    if (!answer.ok) throw new Error(String(answer.status));
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  async function read() {
    if (reading) return;
    reading = true;
    try {
      const page = await fetched();
      for (const id of ["reading", "actors"]) morph(at(id), page.getElementById(id));
      if (at("token") && sessionStorage.getItem(KEY)) {
        sessionStorage.removeItem(KEY);
        say(at("reading").dataset.notTaken);
      }
      at("forget").hidden = !sessionStorage.getItem(KEY);
      document.documentElement.classList.remove("stale");
    } catch {
      document.documentElement.classList.add("stale");
      say(at("reading").dataset.notRead);
    } finally {
      reading = false;
    }
  }

  document.addEventListener("submit", (event) => {
    event.preventDefault();
    const token = at("operator").value.trim();
    if (!isToken(token)) {
      say(at("reading").dataset.noToken);
      return;
    }
    sessionStorage.setItem(KEY, token);
    read();
  });
  if (!isToken(sessionStorage.getItem(KEY) ?? "")) sessionStorage.removeItem(KEY);
  at("forget").hidden = !sessionStorage.getItem(KEY);
  at("forget").addEventListener("click", () => {
    sessionStorage.removeItem(KEY);
    read();
  });
  at("pause").addEventListener("click", () => {
    paused = !paused;
    const pause = at("pause");
    pause.setAttribute("aria-pressed", String(paused));
    [pause.textContent, pause.dataset.other] = [pause.dataset.other, pause.textContent];
  });
  setInterval(() => {
    const typing = at("token") && !sessionStorage.getItem(KEY);
    if (!paused && !document.hidden && !typing) read();
  }, EVERY);
  if (sessionStorage.getItem(KEY)) read();
})();
