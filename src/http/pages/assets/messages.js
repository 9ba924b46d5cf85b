// Tells moments in the reader's own time, too: the page has them in UTC.
"use strict";

(() => {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
  const tell = () => {
    for (const time of document.querySelectorAll("main time[datetime]")) {
      time.title = format.format(new Date(time.dateTime));
    }
  };
  document.addEventListener("wamux:live", tell);
  tell();
})();
