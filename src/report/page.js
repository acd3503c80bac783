(() => {
  const tip = document.getElementById("tip");
  const show = (element, x, y) => {
    const title = element.querySelector(":scope > title");
    if (!title) return;
    tip.textContent = title.textContent;
    tip.style.display = "block";
    tip.style.left = Math.min(x + 12, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = Math.max(y - 34, 4) + "px";
  };
  const hide = () => { tip.style.display = "none"; };
  const centre = (mark) => { const box = mark.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; };
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  // A figure is one stop of the Tab key; arrows go from mark to mark, to the nearest one that way.
  for (const figure of document.querySelectorAll("svg.figure")) {
    const marks = [...figure.querySelectorAll("[tabindex]")];
    marks.forEach((mark, at) => mark.setAttribute("tabindex", at === 0 ? "0" : "-1"));
    figure.addEventListener("keydown", (event) => {
      const way = arrows[event.key];
      if (!way || !marks.includes(document.activeElement)) return;
      event.preventDefault();
      const [x, y] = centre(document.activeElement);
      let best = null, least = Infinity;
      for (const mark of marks) {
        const [u, v] = centre(mark);
        const along = (u - x) * way[0] + (v - y) * way[1];
        const aside = Math.abs((u - x) * way[1]) + Math.abs((v - y) * way[0]);
        if (along > 0.5 && along + 2 * aside < least) { best = mark; least = along + 2 * aside; }
      }
      if (!best) return;
      document.activeElement.setAttribute("tabindex", "-1");
      best.setAttribute("tabindex", "0");
      best.focus();
    });
  }
  for (const mark of document.querySelectorAll("svg [tabindex]")) {
    mark.addEventListener("mousemove", (event) => show(mark, event.clientX, event.clientY));
    mark.addEventListener("mouseleave", hide);
    mark.addEventListener("focus", () => { const box = mark.getBoundingClientRect(); show(mark, box.right, box.top); });
    mark.addEventListener("blur", hide);
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const value = (row) => { const cell = row.cells[column]; return cell.dataset.value ?? cell.textContent; };
        const rows = [...table.tBodies[0].rows].sort((a, b) => {
          const [x, y] = [value(a), value(b)];
          const order = x !== "" && y !== "" && !isNaN(x) && !isNaN(y) ? x - y : x.localeCompare(y);
          return down ? -order : order;
        });
        table.tBodies[0].append(...rows);
      });
    });
  }
  // Paper cannot be clicked.
  addEventListener("beforeprint", () => { for (const recipe of document.querySelectorAll("details")) recipe.open = true; });
  const link = document.getElementById("data-link");
  const data = document.getElementById("data").textContent;
  link.href = URL.createObjectURL(new Blob([data], { type: "application/json" }));
})();
