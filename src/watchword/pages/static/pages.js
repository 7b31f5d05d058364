// What makes the pages nicer where scripts run. Every page works without it.
"use strict";

// A button that shows and hides what is typed into a password field.
for (const input of document.querySelectorAll('input[type="password"][data-show]')) {
  const wrapper = document.createElement("div");
  const button = document.createElement("button");
  const label = document.querySelector(`label[for="${input.id}"]`).textContent;
  const draw = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? input.dataset.hide : input.dataset.show;
    button.setAttribute("aria-label", `${button.textContent}: ${label}`);
  };
  wrapper.className = "with-toggle";
  button.className = "toggle";
  button.type = "button";
  button.setAttribute("aria-controls", input.id);
  button.addEventListener("click", () => draw(input.type === "password"));
  // A shown password is hidden before it is sent: browsers remember what text fields held.
  input.form.addEventListener("submit", () => draw(false));
  input.replaceWith(wrapper);
  wrapper.append(input, button);
  input.spellcheck = false;
  draw(false);
}

// A code is digits: whatever comes along with them when it is pasted falls away, and a whole one is sent at once.
for (const input of document.querySelectorAll("input.code")) {
  let sent = false;
  input.addEventListener("input", () => {
    const digits = input.value.replace(/\D/g, "");
    if (input.value !== digits) input.value = digits;
    if (digits.length === Number(input.dataset.digits) && !sent) {
      sent = true;
      input.form.requestSubmit();
    }
  });
}

// One press, one request.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.getAttribute("aria-busy") === "true") event.preventDefault();
    form.setAttribute("aria-busy", "true");
  });
}
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of document.forms) form.removeAttribute("aria-busy");
});

// "2 minutes ago" instead of the moment, which stays in the tooltip.
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
const exact = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });
for (const time of document.querySelectorAll("time[data-relative]")) {
  const at = new Date(time.dateTime);
  const seconds = Math.max(0, (Date.now() - at) / 1000);
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ["second", 1];
  time.title = exact.format(at);
  if (seconds < 30 * 86400) time.textContent = relative.format(-Math.floor(seconds / size), unit);
}
