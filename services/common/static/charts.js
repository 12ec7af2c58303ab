// Draws each chart of a page from the table beside it, and folds the table. Without scripts the tables are all there is.
// Nothing moves. Colours and type are the page's own: they are read anew for dark mode and for paper.
"use strict";
(() => {
  const media = ["(prefers-color-scheme: dark)", "print"].map((query) => matchMedia(query));

  function rows(figure) {
    return Array.from(figure.querySelectorAll("tbody tr"), (row) => {
      const cells = Array.from(row.cells, (cell) => cell.textContent.trim());
      // What is withheld has no length, or leaves a gap, and its sign says so.
      const value = row.dataset.value === "" ? null : Number(row.dataset.value);
      return { name: cells[0], value, said: figure.dataset.look === "funnel" ? `${cells[1]} · ${cells[2]}` : cells[1] };
    });
  }

  function paint(figure) {
    const style = getComputedStyle(figure);
    const of = (name) => style.getPropertyValue(name).trim();
    return { ink: of("--chart-ink"), grid: of("--chart-grid"), bar: of("--chart-bar"), size: parseFloat(style.fontSize) * 0.85, family: style.fontFamily };
  }

  function option(figure) {
    const { look } = figure.dataset;
    const { ink, grid, bar, size, family } = paint(figure);
    const shown = rows(figure);
    const upright = look === "columns" || look === "line";
    const text = { color: ink, fontSize: size, fontFamily: family };
    const names = {
      type: "category", data: shown.map((one) => (upright && one.value === null ? `${one.name}\n${one.said}` : one.name)), inverse: look === "bars" || look === "funnel",
      axisTick: { show: false }, axisLine: { show: look !== "funnel", lineStyle: { color: ink } }, axisLabel: { ...text, hideOverlap: true },
    };
    const values = {
      type: "value", minInterval: look === "line" ? 0 : 1, axisLabel: { ...text, hideOverlap: true }, splitLine: { lineStyle: { color: grid } }, show: upright, splitNumber: 4,
    };
    const label = { ...text, show: !upright, position: "right", formatter: ({ dataIndex }) => shown[dataIndex].said };
    const drawn = {
      type: look === "line" ? "line" : "bar", data: shown.map((one) => (upright ? one.value : one.value ?? 0)), label, barMaxWidth: size * 3,
      itemStyle: { color: bar }, lineStyle: { color: bar, width: 3 }, symbol: "circle", symbolSize: 8, silent: true,
    };
    return {
      animation: false,
      textStyle: text,
      grid: { left: 8, right: upright ? 16 : size * (look === "funnel" ? 9 : 5), top: 16, bottom: 8, containLabel: true },
      xAxis: upright ? names : values,
      yAxis: upright ? values : names,
      series: [drawn],
    };
  }

  function height(figure) {
    const { look } = figure.dataset;
    return look === "columns" || look === "line" ? 260 : 24 + rows(figure).length * 44;
  }

  const charts = Array.from(document.querySelectorAll("figure.chart[data-look]"))
    .filter((figure) => figure.querySelector(".chart-picture"))
    .map((figure) => {
      const picture = figure.querySelector(".chart-picture");
      picture.hidden = false;
      picture.style.height = `${height(figure)}px`;
      figure.querySelector("details").open = false;
      const chart = echarts.init(picture);
      chart.setOption(option(figure));
      new ResizeObserver(() => chart.resize()).observe(picture);
      return { figure, chart };
    });

  for (const one of media) one.addEventListener("change", () => charts.forEach(({ figure, chart }) => chart.setOption(option(figure), true)));
})();
