/* The what-if chart: a scenario recomputed in the page from the published draws, as
   evaluation/value/scenarios.py does it. No library, no request. */
"use strict";
(() => {
  const box = document.getElementById("what-if-panel");
  if (!box) return;
  const draws = JSON.parse(box.querySelector(".draws").textContent);
  const form = box.querySelector("form");
  const svg = box.querySelector(".dots");
  const MINUS = "\u2212\u2060", DOTS = 20, LEFT = 24, RIGHT = 576, STEP = 20;

  const setting = () => {
    const read = (name) => (form.elements[name] ? Number(form.elements[name].value) : null);
    const share = read("share");
    const assumed = share === null || form.elements.share.value === form.elements.share.defaultValue;
    return { cost: read("cost"), halfLife: read("half-life"), share: assumed ? null : share / 100 };
  };

  const lasting = (ahead, halfLife) => {
    if (halfLife === 0) return 0;
    const rate = Math.LN2 / halfLife;
    const whole = -Math.expm1(-rate) / rate;
    return ahead.reduce((sum, factor, year) => sum + factor * Math.exp(-rate * year) * whole, 0);
  };

  const quantile = (sorted, at) => {
    const place = (sorted.length - 1) * at, below = Math.floor(place);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
  };

  const summary = (vector) => {
    const rest = vector.slice(1), sorted = [...rest].sort((a, b) => a - b);
    const tail = (1 - draws.level) / 2;
    return {
      mean: vector[0], low: quantile(sorted, tail), high: quantile(sorted, 1 - tail), sorted,
      chance: rest.filter((pounds) => pounds > 0).length / rest.length,
    };
  };

  const scenario = ({ cost, halfLife, share }) => {
    const paid = cost * draws.cost;
    const kept = Object.entries(draws.gain.last)
      .map(([schedule, last]) => [last, lasting(draws.ahead[schedule], halfLife)]);
    const part = share === null ? 1 : share / draws.share;
    const later = lasting(draws.ahead.standard, halfLife);
    return {
      society: summary(draws.gain.today.map(
        (today, k) => kept.reduce((sum, [last, times]) => sum + last[k] * times, today) - paid)),
      budgets: summary(draws.cash.today.map(
        (today, k) => (today + draws.cash.last[k] * later) * part - paid)),
    };
  };

  const pounds = (value) => {
    const size = Math.abs(value), sign = value < 0 ? MINUS : "";
    if (size >= 999.5e6) return `${sign}£${(size / 1e9).toFixed(1)}bn`;
    if (size >= 999500) return `${sign}£${(size / 1e6).toFixed(1)}m`;
    const step = size < 100 ? 1 : 10 ** (Math.floor(Math.log10(size)) - 1);
    const amount = Math.round(size / step) * step;
    return `${amount ? sign : ""}£${amount.toLocaleString("en-GB")}`;
  };

  const inHundred = (chance) => {
    if (chance < 0.01) return "less than 1 in 100";
    if (chance > 0.99) return "more than 99 in 100";
    return `${Math.round(100 * chance)} in 100`;
  };

  const said = {
    cost: (value) => `${Number(value).toFixed(2)} times`,
    "half-life": (value) => (Number(value) === 0 ? "nothing lasts"
      : `${value} ${Number(value) === 1 ? "year" : "years"}`),
    share: (value) => `${value}%`,
  };

  const shape = (name, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    svg.append(made);
  };

  const draw = (sorted) => {
    svg.replaceChildren();
    const dots = Array.from({ length: DOTS }, (_, k) => quantile(sorted, (k + 0.5) / DOTS));
    const least = Math.min(0, dots[0]), most = Math.max(0, dots[DOTS - 1]);
    const across = (value) => LEFT + (RIGHT - LEFT) * (value - least) / (most - least || 1);
    const heaps = new Map();
    const placed = dots.map((dot) => {
      const column = Math.round((across(dot) - LEFT) / STEP);
      const height = heaps.get(column) || 0;
      heaps.set(column, height + 1);
      return { dot, column, height };
    });
    const floor = Math.max(3, ...heaps.values()) * STEP;
    svg.setAttribute("viewBox", `0 0 600 ${floor + 40}`);
    shape("line", { x1: LEFT, x2: RIGHT, y1: floor + 12, y2: floor + 12, class: "axis" });
    shape("line", { x1: across(0), x2: across(0), y1: 0, y2: floor + 12, class: "nought" });
    for (const { dot, column, height } of placed) {
      shape("circle", { cx: LEFT + column * STEP, cy: floor - height * STEP, r: 8,
        class: dot > 0 ? "gain" : "loss" });
    }
    const label = (value, anchor) => shape("text",
      { x: across(value), y: floor + 32, "text-anchor": anchor }, pounds(value));
    if (least < 0) label(least, "start");
    if (most > 0) label(most, "end");
    if (Math.abs(across(0) - LEFT) > 70 && Math.abs(RIGHT - across(0)) > 70) label(0, "middle");
    return dots.filter((dot) => dot > 0).length;
  };

  const show = () => {
    for (const slider of form.querySelectorAll("input")) {
      const text = said[slider.name](slider.value);
      slider.setAttribute("aria-valuetext", text);
      slider.nextElementSibling.textContent = text;
    }
    const found = scenario(setting());
    for (const [key, figure] of Object.entries(found)) {
      const row = box.querySelector(`tr[data-row="${key}"]`);
      const cell = (part) => row.querySelector(`[data-part="${part}"]`);
      cell("mean").textContent = pounds(figure.mean);
      cell("range").textContent = `${pounds(figure.low)} to ${pounds(figure.high)}`;
      cell("chance").textContent = inHundred(figure.chance);
      for (const part of ["mean", "low", "high", "chance"]) row.dataset[part] = figure[part];
    }
    const above = draw(found.society.sorted), { mean, low, high } = found.society;
    const sentence = `Gains to society less cost would be ${pounds(mean)} (${pounds(low)} to `
      + `${pounds(high)}), and above nought in ${above} of ${DOTS} equally likely outcomes.`;
    box.querySelector(".said").textContent = sentence;
    svg.setAttribute("aria-label", `Dot plot of a scenario. ${sentence}`);
  };

  box.classList.add("live");
  form.addEventListener("input", show);
  form.addEventListener("reset", () => setTimeout(show));
  form.addEventListener("submit", (event) => event.preventDefault());
  show();
})();
