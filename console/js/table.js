// @ts-check
// Tables: sorted by their heads, walked by arrows, opened by Enter. Rows keep focus over updates.
import { fill, h, s } from "./dom.js";
import { t } from "./i18n.js";

/**
 * @template R
 * @typedef {object} Column
 * @property {string} key
 * @property {string} title
 * @property {(row: R) => any} cell
 * @property {(row: R) => any} [sort] what it is sorted by; without it the column is not sortable
 * @property {boolean} [num]
 * @property {string} [class] of its cells and head; `hide-phone` leaves it out on telephones
 * @property {boolean} [down] sorted downwards first
 */

/**
 * @template R
 * @param {{ label: string, columns: Column<R>[], key: (row: R) => string, sort?: string, sorted?: (sort: string) => void, open?: (row: R) => void, rowClass?: (row: R) => string }} options `sort`: `"name"` or `"-name"`
 */
export function table({ label, columns, key, sort = "", sorted, open, rowClass }) {
  let order = sort;
  /** @type {R[]} */
  let rows = [];
  let selected = "";
  const head = h("tr");
  const body = h("tbody");
  const el = h("div", { class: "table-wrap", tabindex: open ? null : "0", role: "region", "aria-label": label }, h("table", { class: "table" }, h("caption", { class: "sr" }, label), h("thead", null, head), body));

  function heads() {
    const focused = /** @type {HTMLElement | null} */ (head.contains(document.activeElement) ? document.activeElement : null)?.dataset.key;
    fill(head, columns.map((c) => {
      const dir = order === c.key ? "ascending" : order === `-${c.key}` ? "descending" : null;
      return h("th", { scope: "col", class: [c.num && "num", c.class], "aria-sort": dir },
        c.sort ? h("button", { type: "button", data: { key: c.key }, title: t("table.sort", { column: c.title }), onclick: () => {
          const down = `-${c.key}`;
          order = c.down ? (order === down ? c.key : down) : order === c.key ? down : c.key;
          sorted?.(order);
          heads();
          draw();
        } }, c.title, s("svg", { class: "arrow", viewBox: "0 0 8 8", "aria-hidden": "true" }, s("path", { d: "M4 1 7.500 7h-7z", fill: "currentColor" }))) : c.title);
    }));
    if (focused) /** @type {HTMLElement | null} */ (head.querySelector(`[data-key="${focused}"]`))?.focus();
  }

  function ordered() {
    const down = order.startsWith("-");
    const by = columns.find((c) => c.key === order.replace(/^-/, ""))?.sort;
    if (!by) return rows;
    return [...rows].sort((a, b) => {
      const [x, y] = [by(a), by(b)];
      const none = Number(x === null || x === undefined) - Number(y === null || y === undefined);
      if (none) return none;
      const way = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
      return down ? -way : way;
    });
  }

  function draw() {
    const focused = body.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).closest("tr")?.dataset.key : undefined;
    fill(body, ordered().map((row, i) => {
      const id = key(row);
      return h("tr", {
        data: { key: id }, class: rowClass?.(row), "aria-selected": open ? String(id === selected) : null,
        tabindex: open ? (focused ? id === focused : i === 0) ? "0" : "-1" : null,
        onclick: open && ((/** @type {MouseEvent} */ e) => { if (!(/** @type {Element} */ (e.target).closest("a,button"))) choose(row); }),
        onkeydown: open && ((/** @type {KeyboardEvent} */ e) => walk(e, row)),
      }, columns.map((c) => h("td", { class: [c.num && "num", c.class] }, c.cell(row))));
    }));
    if (focused) /** @type {HTMLElement | null} */ (body.querySelector(`tr[data-key="${CSS.escape(focused)}"]`))?.focus();
  }

  /** @param {R} row */
  function choose(row) {
    selected = key(row);
    for (const tr of body.children) tr.setAttribute("aria-selected", String(/** @type {HTMLElement} */ (tr).dataset.key === selected));
    open?.(row);
  }

  /** @param {KeyboardEvent} e @param {R} row */
  function walk(e, row) {
    const tr = /** @type {HTMLElement} */ (e.currentTarget);
    if (e.target !== tr || e.ctrlKey || e.metaKey || e.altKey) return;
    const to = e.key === "ArrowDown" || e.key === "j" ? tr.nextElementSibling : e.key === "ArrowUp" || e.key === "k" ? tr.previousElementSibling : e.key === "Home" ? body.firstElementChild : e.key === "End" ? body.lastElementChild : null;
    if (to instanceof HTMLElement) {
      e.preventDefault();
      tr.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    } else if (e.key === "Enter" || e.key === " ") {
      e.preventDefault();
      choose(row);
    }
  }

  heads();
  return {
    el,
    /** @param {R[]} next */
    update(next) {
      rows = next;
      draw();
    },
    /** Marks a row as the one that is open; "" for none. @param {string} id */
    select(id) {
      selected = id;
      for (const tr of body.children) tr.setAttribute("aria-selected", String(/** @type {HTMLElement} */ (tr).dataset.key === id));
    },
  };
}
