// @ts-check
// Where the console is: `#/page?name=value`. The address holds all state worth a link.

/** @typedef {{ page: string, query: Record<string, string> }} Place */

/** @param {string} [hash] @returns {Place} */
export function read(hash = location.hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
  return { page: path.split("/")[0] || "overview", query: Object.fromEntries(new URLSearchParams(search)) };
}

/** @param {string} page @param {Record<string, any>} [query] */
export function href(page, query = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  const tail = search.toString();
  return `#/${page}${tail ? `?${tail}` : ""}`;
}

/** @param {string} page @param {Record<string, any>} [query] */
export function go(page, query) {
  location.hash = href(page, query);
}

/**
 * Changes the query of this page. Filters replace the entry in the history, drill-downs push one.
 * @param {Record<string, any>} changes null or "" takes a name out
 * @param {boolean} [push]
 * @returns {Place}
 */
export function amend(changes, push = false) {
  const place = read();
  const next = href(place.page, { ...place.query, ...changes });
  if (next !== location.hash) {
    if (push) history.pushState(null, "", next);
    else history.replaceState(null, "", next);
  }
  return read();
}
