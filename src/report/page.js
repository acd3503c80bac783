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
  const link = document.getElementById("data-link");
  const data = document.getElementById("data").textContent;
  link.href = URL.createObjectURL(new Blob([data], { type: "application/json" }));
})();
