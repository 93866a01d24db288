/* The page "Explore": choose rows of the table that stands in the page, see them, take them away.
   Nothing is fetched: all figures are those of the table, and without a script it stands whole. */
(() => {
  "use strict";
  const box = document.querySelector(".explore");
  if (!box) return;
  const form = box.querySelector("form");
  const rows = [...box.querySelectorAll("tbody tr")];
  const told = box.querySelector("output");
  const chart = box.querySelector(".slice");
  const KEYS = ["outcome", "estimator", "where"];
  const MOST = 40;
  const text = (row, place) => row.cells[place].textContent.trim();
  const value = (row, key) => (row.dataset[key] === "" ? NaN : Number(row.dataset[key]));

  KEYS.forEach((key, place) => {
    const choice = form.elements[key];
    const seen = new Set(rows.map((row) => text(row, place)));
    seen.forEach((name) => choice.add(new Option(name, name)));
  });

  const chosen = () =>
    rows.filter((row) =>
      KEYS.every((key, place) => !form.elements[key].value ||
        form.elements[key].value === text(row, place)));

  const element = (name, given, words = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(given).forEach(([key, held]) => made.setAttribute(key, held));
    made.textContent = words;
    return made;
  };

  /* A text in lines of so many letters, broken between words. */
  const lines = (whole, letters) => whole.split(" ").filter(Boolean).reduce((found, word) => {
    const last = found.at(-1);
    if (last === undefined || `${last} ${word}`.length > letters) return [...found, word];
    return [...found.slice(0, -1), `${last} ${word}`];
  }, []);

  /* Ranges side by side, of one unit only: figures of two units have no common scale. */
  const draw = (held) => {
    chart.replaceChildren();
    const units = new Set(held.map((row) => row.dataset.unit));
    const known = held.filter((row) => Number.isFinite(value(row, "effect")));
    if (units.size !== 1 || !known.length || known.length > MOST) return;
    const ends = known.flatMap((row) => ["effect", "low", "high"].map((key) => value(row, key)))
      .filter(Number.isFinite).concat(0);
    const low = Math.min(...ends), high = Math.max(...ends);
    // As wide as there is room, so that words keep their size; what all rows share is left out.
    const wide = Math.min(640, form.clientWidth - 32) || 640, left = 12, step = 44;
    const apart = KEYS.map((_, k) => k).filter((k) => new Set(known.map((row) => text(row, k))).size > 1);
    const letters = Math.floor((wide - 2 * left) / 7.2);
    const at = (x) => left + ((x - low) / (high - low || 1)) * (wide - 2 * left);
    // In the picture itself, which may be taken out of the page: that it is invented, and whose.
    const below = lines(chart.dataset.source || "", Math.floor(wide / 6));
    const foot = step * known.length + 40;
    chart.setAttribute("viewBox", `0 0 ${wide} ${foot + 16 * below.length - 14}`);
    below.forEach((line, place) => {
      chart.append(element("text", { x: 4, y: foot + 16 * place, class: "source" }, line));
    });
    chart.append(element("line", { x1: at(0), x2: at(0), y1: 0, y2: step * known.length + 6, class: "zero" }));
    chart.append(element("text", { x: at(0), y: step * known.length + 20, "text-anchor": "middle" }, "0"));
    known.forEach((row, place) => {
      const y = step * place + 30;
      const [from, to] = ["low", "high"].map((key) => value(row, key));
      const whole = [text(row, 3), ...apart.map((k) => text(row, k))].join(" · ");
      const said = whole.length > letters ? `${whole.slice(0, letters - 1)}…` : whole;
      chart.append(element("text", { x: left, y: y - 12 }, said));
      if (Number.isFinite(from) && Number.isFinite(to)) {
        chart.append(element("line", { x1: at(from), x2: at(to), y1: y, y2: y, class: "range" }));
      }
      chart.append(element("circle", { cx: at(value(row, "effect")), cy: y, r: 5,
        class: row.dataset.main === "yes" ? "main" : "other" }));
    });
  };

  const quoted = (cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const slice = () => {
    const heads = [...KEYS, "effect", "low", "high", "unit"];
    const body = chosen().map((row) => [
      ...KEYS.map((_, place) => text(row, place)),
      ...["effect", "low", "high", "unit"].map((key) => row.dataset[key]),
    ]);
    return [heads, ...body].map((row) => row.map(quoted).join(",")).join("\n") + "\n";
  };

  const show = () => {
    const held = chosen();
    const kept = new Set(held);
    rows.forEach((row) => { row.hidden = !kept.has(row); });
    told.textContent = `${held.length} of ${rows.length} rows`;
    draw(held);
  };

  form.addEventListener("change", show);
  form.addEventListener("reset", () => setTimeout(show));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([slice()], { type: "text/csv" }));
    link.download = "slice.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  box.classList.add("live");
  show();
})();
