// Draws the charts in the colours of the style sheet, and sorts the table of trials.
(function () {
  "use strict";

  function colored(value, key, styles) {
    if (typeof value === "string") {
      const match = /color/i.test(key) && /^var\((--[\w-]+)\)$/.exec(value);
      return match ? styles.getPropertyValue(match[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((item) => colored(item, key, styles));
    if (value && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [name, colored(item, name, styles)])
      );
    }
    return value;
  }

  const config = {
    responsive: true,
    displaylogo: false,
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
  };

  const narrow = matchMedia("(max-width: 700px)");

  // Panels side by side stand one below the other on a narrow screen. Returns how many times as
  // high the chart is then.
  function stack(layout) {
    const panels = Object.keys(layout).filter((name) => name.startsWith("yaxis"));
    const below = panels.map((y) => (layout[y].anchor || "x").replace("x", "xaxis"));
    const columns = new Set(below.map((x) => (layout[x].domain || [0])[0])).size;
    if (columns === 1) return 1;
    const gap = 0.28 / panels.length, high = (1 + gap) / panels.length - gap;
    panels.forEach((y, i) => {
      const foot = Math.max(0, 1 - i * (high + gap) - high);
      layout[y].domain = [foot, foot + high];
      layout[below[i]].domain = [0, 1];
      layout[below[i]].anchor = y.replace("axis", "");
    });
    return columns;
  }

  function draw() {
    if (typeof Plotly === "undefined") return;
    const styles = getComputedStyle(document.documentElement);
    for (const place of document.querySelectorAll("[data-figure]")) {
      const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
      const { data, layout } = colored(figure, "", styles);
      const times = narrow.matches ? stack(layout) : 1;
      place.style.height = `${times * place.dataset.height}px`;
      Plotly.react(place, data, layout, config);
    }
  }

  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  narrow.addEventListener("change", draw);
  matchMedia("print").addEventListener("change", draw);

  function key(row, column, numeric) {
    const cell = row.cells[column];
    if (!numeric) return cell.textContent.trim();
    return cell.dataset.value === "" ? null : Number(cell.dataset.value);
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = heading.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        const down = heading.getAttribute("aria-sort") === "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const numeric = heading.classList.contains("number");
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => {
          const x = key(a, column, numeric), y = key(b, column, numeric);
          if (x === null || y === null) return (x === null) - (y === null);
          const order = numeric ? x - y : x.localeCompare(y);
          return down ? -order : order;
        });
        table.tBodies[0].append(...rows);
      });
    });
  }
})();
