// @ts-check
// The token: from the fragment `#token=…` or the sign-in form, kept for this tab alone.

const STORE = "multicode.token";
let memory = "";
/** Out of a link: used, and not kept before the gateway knows it. */
let offered = "";

/** Takes a token out of the address, so that it is neither seen nor kept in the history. */
export function adopt() {
  const found = /^#\/?token=([^&]+)&?(.*)$/.exec(location.hash);
  if (!found) return;
  try {
    offered = decodeURIComponent(found[1]);
  } catch {
    offered = "";
  }
  history.replaceState(null, "", `${location.pathname}${location.search}${found[2] ? `#${found[2]}` : "#/overview"}`);
}

export function token() {
  if (offered) return offered;
  try {
    return sessionStorage.getItem(STORE) ?? memory;
  } catch {
    return memory;
  }
}
/** The gateway took the token of the link. */
export function accept() {
  if (offered) keep(offered);
}
/** Drops the token of the link; whether there was one. */
export function decline() {
  const had = offered !== "";
  offered = "";
  return had;
}
/** @param {string} value */
export function keep(value) {
  offered = "";
  memory = value;
  try {
    sessionStorage.setItem(STORE, value);
  } catch {
    // It is kept as long as the page is.
  }
}
export function forget() {
  offered = "";
  memory = "";
  try {
    sessionStorage.removeItem(STORE);
  } catch {
    // Nothing was kept.
  }
}
