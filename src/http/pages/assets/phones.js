// The simulated phones: their forms and links change the page in place, Enter sends, voice notes play over their waveform. What happens
// on the network comes by itself (`live.js`). Without script all of it is plain forms, links and players.
"use strict";

(() => {
  const sections = (page) => [...page.querySelectorAll("section.phone")];
  const minutes = String(-new Date().getTimezoneOffset());

  // Times are those of whoever looks.
  if (!document.cookie.split("; ").includes(`wamux-zone=${minutes}`)) {
    document.cookie = `wamux-zone=${minutes}; Path=/; Max-Age=31536000; SameSite=Lax`;
    wamux.read();
  }

  // Takes over a page that was answered, if the same phones are on it; otherwise goes there.
  async function take(answer, push) {
    if (!answer.ok) return location.reload();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const ids = (one) => sections(one).map((section) => section.id).join();
    if (ids(page) !== ids(document)) return location.assign(answer.url);
    history[push ? "pushState" : "replaceState"](null, "", answer.url);
    wamux.taken();
    for (const old of sections(document)) wamux.morph(old, page.getElementById(old.id));
    document.dispatchEvent(new Event("wamux:live"));
  }

  function failed() {
    document.documentElement.classList.add("stale");
  }

  async function open(href, push) {
    try {
      await take(await fetch(href, { headers: { Accept: "text/html" }, cache: "no-store" }), push);
    } catch {
      location.assign(href);
    }
  }

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll(".phone .menu[open]")) if (!menu.contains(event.target)) menu.open = false;
    const play = event.target.closest(".phone .play");
    if (play) return toggle(play.closest(".voice"));
    const link = event.target.closest(".phone a[href]");
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!link || !plain || link.pathname !== location.pathname || link.hasAttribute("download")) return;
    event.preventDefault();
    const phone = link.closest("section.phone");
    open(link.href, true).then(() => {
      if (document.activeElement === document.body) phone.querySelector(".back, .head summary")?.focus({ preventScroll: true });
    });
  });
  addEventListener("popstate", () => open(location.href, false));

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || !form.closest(".phone")) return;
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = "true";
    const given = new FormData(form, event.submitter);
    const body = form.enctype === "multipart/form-data" ? given : new URLSearchParams(given);
    const text = form.querySelector("textarea");
    const written = text?.value;
    if (text) text.value = "";
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
      if (text && answer.url.includes("trouble=")) text.value = written;
      const menu = form.closest(".menu");
      if (menu) menu.open = false;
      if (form.enctype === "multipart/form-data") form.reset();
      const phone = form.closest("section.phone");
      await take(answer, false);
      if (text || form.enctype === "multipart/form-data") phone.querySelector(".log")?.scrollTo(0, 0);
    } catch {
      if (text) text.value = written;
      failed();
    } finally {
      delete form.dataset.busy;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const menu of document.querySelectorAll(".phone .menu[open]")) menu.open = false;
    const text = event.target.closest?.(".phone textarea");
    if (!text || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (text.value.trim()) text.form.requestSubmit();
  });

  // Voice notes
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const within = (node) => node.closest?.(".phone .voice");
  const long = (voice, audio) => (Number.isFinite(audio.duration) && audio.duration) || Number(voice.dataset.seconds) || 1;

  function toggle(voice) {
    const audio = voice.querySelector("audio");
    if (!audio.paused) return audio.pause();
    for (const other of document.querySelectorAll(".phone audio, .phone video:not([loop])")) if (other !== audio) other.pause();
    audio.play().catch(failed);
  }

  function show(voice) {
    const [audio, range, button] = ["audio", "input", ".play"].map((part) => voice.querySelector(part));
    let done = voice.querySelector(".wave.done");
    if (!done) {
      done = voice.querySelector(".wave").cloneNode(true);
      done.classList.add("done");
      range.before(done);
    }
    const part = Math.min(audio.currentTime / long(voice, audio), 1);
    done.style.setProperty("--done", `${part * 100}%`);
    range.value = String(Math.round(part * 1000));
    range.setAttribute("aria-valuetext", clock(audio.currentTime));
    const begun = audio.currentTime > 0 && !audio.ended;
    voice.querySelector(".length").textContent = clock(begun ? audio.currentTime : long(voice, audio));
    voice.classList.toggle("playing", !audio.paused);
    const { play, pause } = voice.dataset;
    button.setAttribute("aria-label", audio.paused ? play : pause);
  }

  function follow(voice) {
    show(voice);
    if (!voice.querySelector("audio").paused) requestAnimationFrame(() => follow(voice));
  }

  for (const type of ["play", "pause", "seeked", "ended"]) {
    document.addEventListener(type, (event) => within(event.target) && (type === "play" ? follow : show)(within(event.target)), true);
  }
  document.addEventListener("input", (event) => {
    const voice = event.target.type === "range" && within(event.target);
    if (!voice) return;
    const audio = voice.querySelector("audio");
    audio.currentTime = (Number(event.target.value) / 1000) * long(voice, audio);
    show(voice);
  });
})();
