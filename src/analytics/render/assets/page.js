"use strict";
(function () {
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const words = JSON.parse(document.getElementById("words").textContent);
  document.documentElement.classList.add("live");

  /* Charts: the library is inflated once, when first needed. */
  const packed = document.getElementById("chart-library");
  const charts = all("script[data-chart]").map((holder) => ({
    holder: holder,
    place: document.getElementById(holder.dataset.chart),
    figure: JSON.parse(holder.textContent),
    drawn: false,
  }));
  let inflating = null;
  let source = null;

  function inflate() {
    if (!inflating) {
      const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      inflating = new Response(stream).text().then((text) => { source = text; });
    }
    return inflating;
  }

  function library() {
    if (!window.Plotly && source !== null) {
      const script = document.createElement("script");
      script.textContent = source;
      document.head.append(script);
    }
    return window.Plotly;
  }

  function draw(chart) {
    const plotly = library();
    if (!plotly || chart.drawn) return;
    chart.drawn = true;
    const layout = Object.assign({}, chart.figure.layout, { autosize: true });
    plotly.newPlot(chart.place, chart.figure.data, layout, {
      displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false,
      showTips: false, editable: false,
    }).then(() => { chart.place.dataset.drawn = "yes"; }).catch(() => failed(chart));
  }

  function failed(chart) {
    chart.place.classList.add("failed");
    chart.place.textContent = words.chart_failed;
    chart.place.style.height = "";
  }

  function drawAll() { charts.forEach(draw); }

  if (charts.length && packed) {
    charts.forEach((chart) => {
      chart.place.style.height = (chart.figure.layout.height || 320) + "px";
    });
    const later = window.requestIdleCallback || ((work) => setTimeout(work, 200));
    const give_up = () => charts.forEach(failed);
    const watch = new IntersectionObserver((entries) => {
      entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
        watch.unobserve(entry.target);
        const chart = charts.find((one) => one.place === entry.target);
        inflate().then(() => draw(chart)).catch(give_up);
      });
    }, { rootMargin: "600px 0px" });
    charts.forEach((chart) => watch.observe(chart.place));
    /* A printout needs every chart: draw the rest when the reader's device is idle. */
    window.addEventListener("load", () => later(() => inflate().then(() => {
      const next = () => {
        const chart = charts.find((one) => !one.drawn);
        if (!chart) return;
        draw(chart);
        later(next);
      };
      next();
    }).catch(give_up)));
  }

  /* Print: everything open, every chart drawn at the width of the sheet. */
  const SHEET = 660;
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = all("details:not([open])").filter((part) => !part.closest(".chart"));
    folded.forEach((part) => { part.open = true; });
    drawAll();
    if (window.Plotly) charts.filter((one) => one.drawn).forEach((one) => {
      window.Plotly.relayout(one.place, { width: SHEET });
    });
  });
  window.addEventListener("afterprint", () => {
    folded.forEach((part) => { part.open = false; });
    if (window.Plotly) charts.filter((one) => one.drawn).forEach((one) => {
      window.Plotly.relayout(one.place, { width: null, autosize: true });
    });
  });

  /* Maps: one tab stop; arrows move to the nearest area that way; a pick marks the row. */
  const AIM = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function centre(area) {
    const box = area.querySelector("path").getBBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
  }

  function neighbour(areas, from, aim) {
    const [x, y] = centre(from);
    let best = null;
    let least = Infinity;
    areas.forEach((area) => {
      if (area === from) return;
      const [there_x, there_y] = centre(area);
      const ahead = (there_x - x) * aim[0] + (there_y - y) * aim[1];
      const aside = Math.abs((there_x - x) * aim[1] + (there_y - y) * aim[0]);
      if (ahead > 0 && aside <= 2 * ahead && ahead + 2 * aside < least) {
        least = ahead + 2 * aside;
        best = area;
      }
    });
    return best;
  }

  all("svg.areas").forEach((drawing) => {
    const areas = all(".area", drawing);
    const panel = document.getElementById(drawing.id.replace("drawing", "picked"));
    const help = panel.textContent;
    const ring = document.createElementNS("http://www.w3.org/2000/svg", "path");
    ring.setAttribute("class", "ring");
    drawing.querySelector(".over").append(ring);

    function rest(area) {
      areas.forEach((one) => one.setAttribute("tabindex", one === area ? "0" : "-1"));
    }

    function tell(area, with_link) {
      panel.textContent = area.getAttribute("aria-label");
      const target = area.getAttribute("href");
      if (with_link && target) {
        const link = document.createElement("a");
        link.href = target;
        link.textContent = words.to_row;
        link.addEventListener("click", () => reach(target));
        panel.append(" ", link);
      }
    }

    function reach(target) {
      const row = document.getElementById(target.slice(1));
      for (let fold = row.closest("details"); fold; fold = fold.parentElement.closest("details")) {
        fold.open = true;
      }
      return row;
    }

    function pick(area) {
      areas.forEach((one) => one.classList.toggle("chosen", one === area));
      ring.setAttribute("d", area.querySelector("path").getAttribute("d"));
      const target = area.getAttribute("href");
      tell(area, true);
      if (!target) return;
      const row = reach(target);
      all("tr.chosen", row.parentNode).forEach((one) => one.classList.remove("chosen"));
      row.classList.add("chosen");
      const frame = row.closest(".scroll");
      const head = frame.querySelector("thead").offsetHeight;
      frame.scrollTop = row.offsetTop - head - (frame.clientHeight - head) / 2 + row.offsetHeight / 2;
    }

    rest(areas[0]);
    areas.forEach((area) => {
      area.addEventListener("mouseenter", () => tell(area, false));
      area.addEventListener("focus", () => { rest(area); tell(area, true); });
      area.addEventListener("click", (event) => {
        const by_key = event.detail === 0;
        if (!by_key) event.preventDefault();
        pick(area);
      });
      area.addEventListener("keydown", (event) => {
        if (AIM[event.key]) {
          const next = neighbour(areas, area, AIM[event.key]);
          event.preventDefault();
          if (next) next.focus({ preventScroll: true });
        } else if (event.key === "Escape") {
          panel.textContent = help;
        }
      });
    });
    drawing.addEventListener("mouseleave", () => {
      const chosen = drawing.querySelector(".area.chosen");
      if (chosen) tell(chosen, true); else panel.textContent = help;
    });
  });

  /* Downloads: text that a spreadsheet would run is disarmed, numbers stay numbers. */
  function field(cell) {
    let text = cell.dataset.raw;
    if (text === undefined) text = cell.textContent.trim();
    const is_number = cell.classList.contains("number") && /^[-+]?\d[\d.]*(e[-+]?\d+)?$/i.test(text);
    if (!is_number && /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(text)) text = "'" + text;
    return /[",\r\n;]/.test(text) || text !== text.trim() ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  all("button[data-download]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => {
      const lines = all("tr", document.getElementById(button.dataset.download))
        .map((row) => Array.from(row.cells, field).join(","));
      const file = new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv;charset=utf-8" });
      const link = document.createElement("a");
      link.href = URL.createObjectURL(file);
      link.download = button.dataset.name + ".csv";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  });

  /* The other language opens at the same place: anchors are the same in both. */
  all("a[data-language]").forEach((link) => {
    const address = link.getAttribute("href").split("#")[0];
    link.addEventListener("click", () => {
      const above = all("main > [id]").filter((part) => part.getBoundingClientRect().top < 120);
      const place = window.scrollY > 120 && above.length ? "#" + above[above.length - 1].id : "";
      link.setAttribute("href", address + place);
    });
  });
})();
