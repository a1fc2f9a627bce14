"use strict";
(() => {
  const MOST = 200;
  const data = JSON.parse(document.getElementById("rejection-data").textContent);
  const field = document.getElementById("rejection-words");
  const count = document.getElementById("rejection-count");
  const body = document.getElementById("rejection-rows");
  const lines = data.rows.map((row) => row.map((place) => data.words[place]).join(" ").toLowerCase());

  const show = () => {
    const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    lines.forEach((line, number) => {
      if (wanted.every((word) => line.includes(word))) found.push(data.rows[number]);
    });
    body.replaceChildren(...found.slice(0, MOST).map((row) => {
      const line = document.createElement("tr");
      row.forEach((place, column) => {
        const cell = document.createElement(column ? "td" : "th");
        if (!column) cell.scope = "row";
        cell.textContent = data.words[place];
        line.append(cell);
      });
      return line;
    }));
    const more = found.length > MOST ? `, the first ${MOST} shown` : "";
    count.textContent = `${found.length.toLocaleString("en")} of ${lines.length.toLocaleString("en")}${more}`;
  };

  document.getElementById("rejection-search").hidden = false;
  field.addEventListener("input", show);
  show();

  // What is folded would be missing on paper.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => { folded.forEach((one) => { one.open = false; }); });
})();
