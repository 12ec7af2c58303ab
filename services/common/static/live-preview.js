// What is typed is shown in the frame beside it, as the button does: a little after the last key.
"use strict";
(() => {
  const button = document.getElementById("preview-button");
  const form = button.form;
  let waiting = 0;
  const show = () => form.requestSubmit(button);
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 500);
  });
  show();
})();
