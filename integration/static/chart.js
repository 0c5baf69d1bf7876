// Draws the calendar from the JSON beside it; the same figures stand in a table below.
(() => {
  const place = document.getElementById("calendar");
  const { weeks, labels, series } = JSON.parse(document.getElementById("calendar-data").textContent);
  // Told apart by most kinds of colour blindness (Okabe and Ito, 2008), softened for large areas.
  const colours = ["#0f766e", "#e69f00", "#56a8dc", "#c65a9b", "#6a5acd", "#8fb339", "#d55e00", "#2f5d9b", "#94a3b8"];
  let chart;
  const draw = () => {
    const style = getComputedStyle(document.body);
    const ink = style.getPropertyValue("--tblr-secondary").trim() || style.color;
    const line = document.documentElement.dataset.bsTheme === "dark" ? "#334155" : "#e2e8f0";
    const narrow = place.clientWidth < 560;
    // The legend takes one line on a wide screen, more on others.
    const bottom = narrow ? 120 : place.clientWidth < 900 ? 76 : 56;
    chart?.dispose();
    chart = echarts.init(place, null, { renderer: "svg" });
    chart.setOption({
      animation: false,
      color: colours,
      textStyle: { fontFamily: style.fontFamily },
      grid: { left: 44, right: 8, top: 8, bottom },
      legend: { bottom: 0, itemWidth: 12, itemHeight: 12, textStyle: { color: ink } },
      // Rich text is drawn; HTML would need inline styles, which the page's policy forbids.
      tooltip: { trigger: "axis", renderMode: "richText", confine: true, axisPointer: { type: "shadow" },
        backgroundColor: "#0f172a", borderWidth: 0, textStyle: { color: "#fff", fontSize: 12 } },
      xAxis: { type: "category", data: weeks, axisTick: { show: false }, axisLine: { lineStyle: { color: line } },
        axisLabel: { color: ink, interval: narrow ? 12 : 3, formatter: (_week, index) => labels[index] } },
      yAxis: { type: "value", minInterval: 1, splitLine: { lineStyle: { color: line } }, axisLabel: { color: ink } },
      series: series.map((one) => ({ ...one, type: "bar", stack: "due", barCategoryGap: "25%" })),
    });
  };
  draw();
  addEventListener("resize", draw);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
