// Puts a button beside each command of the documentation that copies it.
"use strict";

(() => {
  const words = document.querySelector(".docs").dataset;
  for (const command of document.querySelectorAll("code.language-sh, code.command")) {
    const pre = command.closest("pre");
    const box = document.createElement("div");
    const button = document.createElement("button");
    box.className = "command-box";
    button.className = "quiet";
    button.type = "button";
    button.textContent = words.copy;
    button.lang = document.documentElement.lang;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command.textContent.trimEnd());
        button.textContent = words.copied;
        setTimeout(() => (button.textContent = words.copy), 2000);
      } catch {
        getSelection().selectAllChildren(command);
      }
    });
    pre.replaceWith(box);
    box.append(pre, button);
  }
})();
