// @ts-check
// The token: from the fragment `#token=…` or the sign-in form, kept for this tab alone.

const STORE = "multicode.token";
let memory = "";

/** Takes a token out of the address, so that it is neither seen nor kept in the history. */
export function adopt() {
  const found = /^#\/?token=([^&]+)&?(.*)$/.exec(location.hash);
  if (!found) return;
  keep(decodeURIComponent(found[1]));
  history.replaceState(null, "", `${location.pathname}${location.search}${found[2] ? `#${found[2]}` : "#/overview"}`);
}

export function token() {
  try {
    return sessionStorage.getItem(STORE) ?? memory;
  } catch {
    return memory;
  }
}
/** @param {string} value */
export function keep(value) {
  memory = value;
  try {
    sessionStorage.setItem(STORE, value);
  } catch {
    // It is kept as long as the page is.
  }
}
export function forget() {
  memory = "";
  try {
    sessionStorage.removeItem(STORE);
  } catch {
    // Nothing was kept.
  }
}
