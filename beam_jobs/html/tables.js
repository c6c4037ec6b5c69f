// Lets people sort the tables of a page by any column, and filter the rows of long ones.
(() => {
  "use strict";
  const MANY = 12; // rows from which on there is something to filter

  const orderOf = (row, column) => {
    const cell = row.cells[column];
    if (cell.classList.contains("number")) return cell.dataset.order === undefined ? null : Number(cell.dataset.order);
    return cell.textContent.trim().toLowerCase();
  };

  const compare = (one, other, down) => {
    if (one === null || other === null) return (one === null) - (other === null); // last in either direction
    const order = typeof one === "number" ? one - other : one.localeCompare(other);
    return down ? -order : order;
  };

  const sort = (table, column) => {
    const heads = [...table.tHead.rows[0].cells];
    const was = heads[column].getAttribute("aria-sort");
    const numeric = heads[column].classList.contains("number");
    const down = was ? was === "ascending" : numeric; // the largest number first, the first letter first
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows];
    rows.sort((one, other) => compare(orderOf(one, column), orderOf(other, column), down));
    table.tBodies[0].append(...rows);
  };

  const addFilter = (table) => {
    const rows = [...table.tBodies[0].rows];
    if (rows.length <= MANY) return;
    const label = document.createElement("label");
    const field = Object.assign(document.createElement("input"), { type: "search", autocomplete: "off" });
    const count = document.createElement("span");
    count.setAttribute("role", "status");
    const show = () => {
      const words = field.value.toLowerCase().split(/\s+/);
      let left = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        left += !row.hidden;
      }
      count.textContent = field.value ? `${left} of ${rows.length} rows` : `${rows.length} rows`;
    };
    field.addEventListener("input", show);
    label.append("Filter ", field);
    const bar = Object.assign(document.createElement("div"), { className: "filter" });
    bar.append(label, count);
    table.parentElement.before(bar);
    show();
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (!head.textContent) return;
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, column));
    });
    addFilter(table);
  }
})();
