"use strict";
(() => {
  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const says = document.getElementById("says");
  const chosen = { series: "response", scale: "log" };

  all(".switches, .save, [data-copy]").forEach((part) => (part.hidden = false));

  // An arm is switched off in all figures at once.
  all("[data-switch-arm]").forEach((button) =>
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", on);
      all("[data-arm]")
        .filter((part) => part.dataset.arm === button.dataset.switchArm)
        .forEach((part) => part.classList.toggle("off", !on));
    }),
  );

  // A figure with several forms shows the one that fits what is chosen.
  const choose = (what, value) => {
    chosen[what] = value;
    all(`[data-switch-${what}]`).forEach((button) =>
      button.setAttribute("aria-pressed", button.getAttribute(`data-switch-${what}`) === value),
    );
    all(".drawing[data-series]").forEach((drawing) => {
      const { series, scale } = drawing.dataset;
      drawing.hidden = series !== chosen.series || (scale !== undefined && scale !== chosen.scale);
    });
  };
  ["series", "scale"].forEach((what) =>
    all(`[data-switch-${what}]`).forEach((button) =>
      button.addEventListener("click", () => choose(what, button.getAttribute(`data-switch-${what}`))),
    ),
  );

  all("[data-switch-void]").forEach((button) =>
    button.addEventListener("click", () => {
      const on = document.body.classList.toggle("voids");
      button.setAttribute("aria-pressed", on);
    }),
  );

  // What a dot stands for is said at the foot of the page, by pointer and by keys.
  all(".dot").forEach((dot) => {
    dot.setAttribute("tabindex", "0");
    dot.setAttribute("role", "img");
    dot.setAttribute("aria-label", dot.dataset.says);
  });
  const tell = (event) => {
    const dot = event.target.closest && event.target.closest(".dot");
    if (dot) says.textContent = dot.dataset.says;
  };
  const hush = () => (says.textContent = "");
  document.addEventListener("pointerover", tell);
  document.addEventListener("focusin", tell);
  document.addEventListener("pointerout", hush);
  document.addEventListener("focusout", hush);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hush());

  // A saved figure has what is shown, with its colours.
  const ink = document.getElementById("ink").textContent;
  const save = (svg, name) => {
    const copy = svg.cloneNode(true);
    all(".off, .void", copy).forEach((part) => part.remove());
    all(".dot", copy).forEach((dot) => ["tabindex", "data-says"].forEach((name) => dot.removeAttribute(name)));
    const style = document.createElementNS("http://www.w3.org/2000/svg", "style");
    style.textContent = ink;
    copy.prepend(style);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(
      new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }),
    );
    link.download = `${name}.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  all("[data-save]").forEach((button) =>
    button.addEventListener("click", () => {
      const shown = all(".drawing", button.closest("section")).filter((drawing) => !drawing.hidden);
      shown.forEach((drawing, at) => {
        const number = shown.length > 1 ? `-${at + 1}` : "";
        save(drawing.querySelector("svg"), button.dataset.save + number);
      });
    }),
  );

  all("[data-copy]").forEach((button) =>
    button.addEventListener("click", async () => {
      const text = button.previousElementSibling;
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(text);
      }
    }),
  );
})();
