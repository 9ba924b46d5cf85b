// Keeps pages alive: what carries `data-live="MILLISECONDS"` (and an id) is read again so often while the page is seen, and only what
// differs is changed: what has the focus keeps it, what was opened or typed stays, what plays goes on. It also copies, with
// `data-copy="ID"`, what stands in an element, and asks before a form with `data-ask` is sent.
"use strict";

const wamux = (() => {
  const kept = (node) => node.nodeType === Node.ELEMENT_NODE && node.hasAttribute("data-keep");
  const same = (old, now) => old.nodeType === now.nodeType && old.nodeName === now.nodeName && (old.id || "") === (now.id || "");

  function attributes(old, now) {
    // What a person has opened, closed or typed is theirs.
    const theirs = (name) =>
      (old.nodeName === "DETAILS" && name === "open") || (["INPUT", "TEXTAREA"].includes(old.nodeName) && name === "value");
    for (const { name } of [...old.attributes]) if (!now.hasAttribute(name) && !theirs(name)) old.removeAttribute(name);
    for (const { name, value } of now.attributes) if (old.getAttribute(name) !== value && !theirs(name)) old.setAttribute(name, value);
  }

  // Makes one part of the page like another, and keeps every element that is in both. `data-keep` is left as it is.
  function morph(old, now) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== now.data) old.data = now.data;
      return;
    }
    if (kept(old)) return;
    attributes(old, now);
    const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let next = old.firstChild;
    for (const wanted of [...now.childNodes]) {
      const here = wanted.id ? known.get(wanted.id) : next;
      if (here && same(here, wanted)) {
        if (here === next) next = next.nextSibling;
        else old.insertBefore(here, next);
        morph(here, wanted);
      } else {
        old.insertBefore(document.importNode(wanted, true), next);
      }
    }
    while (next) {
      const gone = next;
      next = next.nextSibling;
      gone.remove();
    }
  }

  const bottom = (node) => node.scrollHeight - node.scrollTop - node.clientHeight < 24;
  let tag = null;
  // Counts what was taken over otherwise: what was asked for before is older than that.
  let generation = 0;
  const taken = () => ((tag = null), (generation += 1));

  // Says in the corner what is the matter with what this page shows; nothing once it is well again.
  const lost = document.getElementById("lost");
  function tell(what) {
    document.documentElement.classList.toggle("stale", Boolean(what));
    if (!lost) return;
    for (const said of lost.children) said.hidden = said.dataset.when !== what;
  }
  // Nothing more is to be read here.
  let ended = false;
  function end(what) {
    const way = lost?.querySelector(`[data-when="${what}"] a[href="/login"]`);
    if (way) way.setAttribute("href", `/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    ended = true;
    tell(what);
    return false;
  }

  // Reads this page again and takes over what is live in it. Says whether anything was there to take.
  async function again() {
    const headers = { Accept: "text/html" };
    if (tag) headers["If-None-Match"] = tag;
    const before = generation;
    const answer = await fetch(location.href, { headers, cache: "no-store", signal: AbortSignal.timeout(10000) });
    // Whoever is not signed in any more may have something half written here: it stays, and so does the page.
    if (answer.redirected && new URL(answer.url).pathname === "/login") return end("out");
    if (answer.redirected) return location.assign(answer.url);
    if (answer.status === 304) return false;
    if (answer.status === 404) return end("gone");
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    if (before !== generation) return false;
    tag = answer.headers.get("etag");
    const page = new DOMParser().parseFromString(text, "text/html");
    for (const old of document.querySelectorAll("[data-live]")) {
      const now = page.getElementById(old.id);
      if (!now) continue;
      const low = [...old.querySelectorAll("[data-bottom]")].filter(bottom).map((node) => node.id);
      morph(old, now);
      for (const id of low) document.getElementById(id)?.scrollTo(0, 1e9);
    }
    document.dispatchEvent(new Event("wamux:live"));
    return true;
  }

  let reading = false;
  let failed = 0;
  async function read() {
    if (reading || ended) return;
    reading = true;
    try {
      await again();
      failed = 0;
      if (!ended) tell(null);
    } catch {
      // One answer that is late is none of anybody's business.
      failed += 1;
      if (failed > 1) tell("away");
    } finally {
      reading = false;
    }
  }

  document.documentElement.classList.add("with-script");
  const every = Math.min(...[...document.querySelectorAll("[data-live]")].map((node) => Number(node.dataset.live) || Infinity));
  if (Number.isFinite(every)) setInterval(() => document.hidden || read(), Math.max(every, 500));
  for (const node of document.querySelectorAll("[data-bottom]")) node.scrollTo(0, 1e9);
  // Where the rooms are listed in one line, the present one is in sight.
  const list = document.querySelector(".rooms > nav");
  const here = list?.querySelector("[aria-current]");
  if (here) list.scrollTo(here.offsetLeft - list.clientWidth / 2, 0);

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const from = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(from.value ?? from.textContent);
      const before = button.textContent;
      button.textContent = button.dataset.copied;
      setTimeout(() => (button.textContent = before), 2000);
    } catch {
      getSelection().selectAllChildren(from);
    }
  });
  document.addEventListener("submit", (event) => {
    const ask = event.target.dataset.ask;
    if (!ask) return;
    if (!confirm(ask)) return event.preventDefault();
    // The server would ask the same on a page.
    if (event.target.elements.sure) event.target.elements.sure.disabled = false;
  });
  return { read, morph, taken };
})();
