// @ts-check
// The Admin API: one origin, a bearer token, problem documents as errors, events by a stream.
import { token } from "./auth.js";

/** An answer that is none. */
export class ApiError extends Error {
  /** @param {number} status 0: nothing came back @param {string} title @param {string} detail @param {string} type */
  constructor(status, title, detail = "", type = "about:blank") {
    super(detail || title || `HTTP ${status}`);
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.type = type;
    /** The last part of the type, such as `no-demo-keys`. */
    this.slug = type.split(/[:/]/).pop() ?? "";
  }
}

/** Called when the token is no longer good. @type {{ ended: () => void }} */
export const hooks = { ended() {} };

// The console lives at …/console/, the API beside it, also behind a prefix.
const base = new URL("../../", import.meta.url);

/** @param {string} path @param {Record<string, any>} [query] */
function address(path, query) {
  const url = new URL(path.replace(/^\//, ""), base);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, String(value));
  }
  return url;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ query?: Record<string, any>, body?: any, signal?: AbortSignal, accept?: string, anonymous?: boolean, take?: number[] }} [options]
 * @returns {Promise<Response>}
 */
async function ask(method, path, { query, body, signal, accept = "application/json", anonymous = false, take = [] } = {}) {
  /** @type {Record<string, string>} */
  const headers = { accept };
  if (!anonymous && token()) headers.authorization = `Bearer ${token()}`;
  if (body !== undefined && !(body instanceof Blob)) headers["content-type"] = "application/json";
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(address(path, query), {
      method,
      headers,
      signal,
      cache: "no-store",
      credentials: "omit",
      body: body === undefined ? undefined : body instanceof Blob ? body : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "network");
  }
  if (answer.ok || take.includes(answer.status)) return answer;
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401 && !anonymous) hooks.ended();
  throw new ApiError(answer.status, problem.title ?? answer.statusText, problem.detail ?? "", problem.type);
}

/**
 * @template [T=any]
 * @param {string} path
 * @param {{ query?: Record<string, any>, signal?: AbortSignal, anonymous?: boolean, take?: number[] }} [options] `take`: other statuses whose bodies are answers
 * @returns {Promise<T>}
 */
export async function get(path, options) {
  return (await ask("GET", path, options)).json();
}

/**
 * @template [T=any]
 * @param {string} path
 * @param {any} [body] an object to be sent as JSON, or a Blob as it is
 * @param {{ query?: Record<string, any>, signal?: AbortSignal }} [options]
 * @returns {Promise<T>}
 */
export async function post(path, body, options) {
  const answer = await ask("POST", path, { ...options, body });
  const said = await answer.text();
  return said ? JSON.parse(said) : /** @type {any} */ (null);
}

/**
 * @typedef {object} StreamOptions
 * @property {Record<string, any>} [query]
 * @property {AbortSignal} signal ends it
 * @property {(event: string, data: any) => void} on
 * @property {(state: "connecting" | "open" | "waiting", error?: ApiError) => void} [state]
 */

/**
 * Server-sent events with a token in the header, which `EventSource` cannot do. Comes back by itself.
 * @param {string} path
 * @param {StreamOptions} options
 */
export async function events(path, { query, signal, on, state = () => {} }) {
  let wait = 500;
  while (!signal.aborted) {
    state("connecting");
    /** @type {ApiError | undefined} */
    let trouble;
    try {
      const answer = await ask("GET", path, { query, signal, accept: "text/event-stream" });
      if (!answer.body) throw new ApiError(0, "network");
      state("open");
      wait = 500;
      await read(answer.body, on, signal);
      trouble = new ApiError(0, "network");
    } catch (error) {
      if (signal.aborted) return;
      trouble = error instanceof ApiError ? error : new ApiError(0, "network");
      if (trouble.status === 401) return;
    }
    state("waiting", trouble);
    await pause(wait * (0.75 + Math.random() / 2), signal);
    wait = Math.min(wait * 2, 15000);
  }
}

/** @param {ReadableStream<Uint8Array>} body @param {StreamOptions["on"]} on @param {AbortSignal} signal */
async function read(body, on, signal) {
  const reader = body.pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
  // A proxy that swallows the connection is noticed by the keepalives that do not come.
  const dog = { timer: 0 };
  const kick = () => {
    clearTimeout(dog.timer);
    dog.timer = setTimeout(() => reader.cancel().catch(() => {}), 35000);
  };
  let rest = "";
  try {
    for (;;) {
      kick();
      const { value, done } = await reader.read();
      if (done || signal.aborted) return;
      rest += value;
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? "";
      for (const block of blocks) dispatch(block, on);
    }
  } finally {
    clearTimeout(dog.timer);
  }
}

/** @param {string} block @param {StreamOptions["on"]} on */
function dispatch(block, on) {
  let name = "message";
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  if (data.length === 0) return;
  try {
    on(name, JSON.parse(data.join("\n")));
  } catch (error) {
    console.error(error);
  }
}

/** @param {number} ms @param {AbortSignal} [signal] */
export function pause(ms, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); done(undefined); }, { once: true });
  });
}
