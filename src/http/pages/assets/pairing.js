// The code that links a session, live: it comes from the session's stream, with the time that is left of it, and renews itself.
"use strict";

(() => {
  const at = (id) => document.getElementById(id);
  let stream = null;
  let from = 0;
  let until = 0;
  let again = 0;

  function say(text, language) {
    const line = at("trouble");
    if (!line) return;
    line.textContent = text;
    if (language) line.lang = language;
    else line.removeAttribute("lang");
  }

  // The picture, which is not there until there is something to show.
  function picture(box, src) {
    const known = at("qr");
    const here = known ?? Object.assign(new Image(264, 264), { id: "qr", alt: box.dataset.alt });
    here.src = src;
    if (known) return;
    here.onerror = () => here.remove();
    box.prepend(here);
  }

  function show(code) {
    const box = at("code");
    if (!box) return;
    // What stands above the first code has not heard of it yet.
    if (!until) wamux.read();
    if (code.qrImage) picture(box, code.qrImage);
    [from, until] = [Date.now(), Date.parse(code.expiresAt)];
    say("");
    tick();
  }

  function tick() {
    const box = at("code");
    if (!box || !until) return;
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    at("left").textContent = left ? box.dataset.seconds.replace("{}", String(left)) : box.dataset.soon;
    const bar = box.querySelector("progress");
    bar.max = Math.max(1, (until - from) / 1000);
    bar.value = left;
    box.classList.toggle("old", left === 0);
  }

  // Opens the stream where a code waits to be scanned, and closes it where none does any more.
  function follow() {
    const box = at("code");
    if (!box) {
      stream?.close();
      stream = null;
      return;
    }
    // Until the stream says something the picture is there to be asked for.
    if (!at("qr")) picture(box, box.dataset.picture);
    if (stream || Date.now() < again) return;
    stream = new EventSource(box.dataset.stream);
    stream.addEventListener("qr", (event) => show(JSON.parse(event.data)));
    stream.addEventListener("connected", () => wamux.read());
    // The server's own event is named as the browser's is: one that tells of a lost connection has no data.
    stream.addEventListener("error", (event) => {
      if (event.data) {
        const trouble = JSON.parse(event.data);
        // The stream speaks English; the page has the meaning of its codes, if it speaks another language.
        const meant = JSON.parse(box.dataset.troubles ?? "{}")[trouble.code];
        if (meant) say(meant);
        else say(trouble.message, "en");
        wamux.read();
        if (trouble.final) {
          stream.close();
          stream = null;
        }
      } else if (stream.readyState === EventSource.CLOSED) {
        say(box.dataset.lost);
        stream = null;
        again = Date.now() + 5000;
        setTimeout(follow, 5000);
      }
    });
  }

  document.addEventListener("wamux:live", follow);
  setInterval(tick, 500);
  setInterval(follow, 2000);
  follow();
})();
