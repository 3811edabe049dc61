// @ts-check
// Light, dark, or what the system says. Runs before the first paint of the page.

/** @typedef {"auto" | "light" | "dark"} Theme */
const STORE = "multicode.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** @returns {Theme} */
export function theme() {
  try {
    const kept = localStorage.getItem(STORE);
    return kept === "light" || kept === "dark" ? kept : "auto";
  } catch {
    return "auto";
  }
}
/** What is to be seen now. */
export function shade() {
  const chosen = theme();
  return chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen;
}
function apply() {
  document.documentElement.dataset.theme = shade();
}
/** @param {Theme} next */
export function setTheme(next) {
  try {
    if (next === "auto") localStorage.removeItem(STORE);
    else localStorage.setItem(STORE, next);
  } catch {
    document.documentElement.dataset.theme = next === "auto" ? shade() : next;
    return;
  }
  apply();
}
/** To the next of the three. */
export function turnTheme() {
  /** @type {Record<Theme, Theme>} */
  const next = dark.matches ? { auto: "light", light: "dark", dark: "auto" } : { auto: "dark", dark: "light", light: "auto" };
  setTheme(next[theme()]);
  return theme();
}
dark.addEventListener("change", apply);
apply();
