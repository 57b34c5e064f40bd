// The page says everything without this: it sorts the table and lights up a point's curve.
(() => {
  const table = document.getElementById("points");
  const body = table.tBodies[0];
  const heads = Array.from(table.tHead.rows[0].cells);
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  const order = (a, b) => typeof a === "number" && typeof b === "number"
    ? a - b
    : String(a).localeCompare(String(b), "en", { numeric: true });
  const sort = column => {
    const head = heads[column];
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = Array.from(body.rows).filter(row => row.cells.length === heads.length);
    rows.sort((a, b) => order(value(a, column), value(b, column)) * (down ? -1 : 1));
    rows.forEach(row => body.appendChild(row));
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(column));
    head.append(button);
  });

  // Curves are known by their colour and by being thicker than the axes.
  const lines = Array.from(document.querySelectorAll("#curves polyline[stroke-width='2']"));
  const light = color => {
    lines.forEach(line => {
      const own = line.getAttribute("stroke").toLowerCase() === color;
      line.style.opacity = color === null || own ? "" : "0.15";
      line.style.strokeWidth = own ? "4" : "";
    });
    Array.from(body.rows).forEach(row =>
      row.classList.toggle("lit", color !== null && row.dataset.color === color));
  };
  Array.from(body.rows).filter(row => row.dataset.color).forEach(row => {
    row.cells[0].tabIndex = 0;
    row.addEventListener("mouseenter", () => light(row.dataset.color));
    row.addEventListener("mouseleave", () => light(null));
    row.addEventListener("focusin", () => light(row.dataset.color));
    row.addEventListener("focusout", () => light(null));
  });
  document.documentElement.dataset.rows = String(body.rows.length);
  document.documentElement.dataset.curves = String(lines.length);
})();
