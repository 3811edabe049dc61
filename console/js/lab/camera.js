// @ts-check
// The camera: frames go to the gateway a few times a second until one holds a code.
import { ApiError, pause, post } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { icon } from "../icons.js";
import { empty } from "../ui.js";
import { draw } from "./pixels.js";

/** Between two frames, in milliseconds. */
const EVERY = 350;
const LONGEST = 1280;

/** @param {{ signal: AbortSignal, found: (blob: Blob, answer: any) => void }} options */
export function camera({ signal, found }) {
  const el = h("div", { class: "lab-camera" });
  /** @type {MediaStream | null} */
  let stream = null;
  let turn = 0;
  let device = "";

  function stop() {
    turn += 1;
    for (const track of stream?.getTracks() ?? []) track.stop();
    const was = stream !== null;
    stream = null;
    if (was) idle();
  }

  /** @param {string} [note] */
  function idle(note) {
    if (!globalThis.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
      return fill(el, empty({ icon: "lock", title: t("lab.camera-insecure"), text: t("lab.camera-insecure-text", { origin: location.origin }) }));
    }
    fill(el, empty({ icon: "camera", title: note ?? t("lab.camera-idle"), text: t("lab.camera-text"), action: h("button", { class: "btn primary", type: "button", onclick: start }, icon("camera"), t("lab.camera-start")) }));
  }

  async function start() {
    const mine = ++turn;
    fill(el, empty({ icon: "camera", title: t("lab.camera-asking"), text: t("lab.camera-asking-text") }));
    try {
      const got = await navigator.mediaDevices.getUserMedia({ audio: false, video: { ...(device ? { deviceId: { exact: device } } : { facingMode: { ideal: "environment" } }), width: { ideal: 1280 }, height: { ideal: 720 } } });
      if (mine !== turn || signal.aborted) {
        for (const track of got.getTracks()) track.stop();
        return;
      }
      stream = got;
    } catch (error) {
      if (mine === turn) refused(error);
      return;
    }
    await watch(mine);
  }

  /** @param {any} error */
  function refused(error) {
    const denied = error?.name === "NotAllowedError" || error?.name === "SecurityError";
    const none = error?.name === "NotFoundError" || error?.name === "OverconstrainedError";
    device = "";
    fill(el, h("div", { role: "alert" }, empty({ icon: denied ? "lock" : "camera", title: t(denied ? "lab.camera-denied" : none ? "lab.camera-missing" : "lab.camera-broken"), text: t(denied ? "lab.camera-denied-text" : none ? "lab.camera-missing-text" : "lab.camera-broken-text"), action: h("button", { class: "btn", type: "button", onclick: start }, icon("reload"), t("error.retry")) })));
  }

  /** @param {number} mine */
  async function watch(mine) {
    const video = h("video", { playsinline: true, muted: true, "aria-label": t("lab.camera-view") });
    video.muted = true;
    video.srcObject = stream;
    const told = h("p", { class: "small lab-camera-told", role: "status" }, t("lab.camera-looking"));
    const off = h("button", { class: "btn sm", type: "button", onclick: stop }, icon("pause"), t("lab.camera-stop"));
    const cameras = (await navigator.mediaDevices.enumerateDevices().catch(() => [])).filter((d) => d.kind === "videoinput");
    const other = cameras.length > 1 && h("select", { class: "select", "aria-label": t("lab.camera-which"), onchange: (/** @type {any} */ e) => { device = e.target.value; stop(); start(); } },
      cameras.map((c, i) => h("option", { value: c.deviceId, selected: stream?.getVideoTracks()[0]?.getSettings().deviceId === c.deviceId }, c.label || t("lab.camera-n", { n: i + 1 }))));
    fill(el, h("div", { class: "lab-view" }, video, h("span", { class: "lab-aim", "aria-hidden": "true" })), told, h("div", { class: "row" }, other, h("span", { class: "push" }), off));
    await video.play().catch(() => {});
    while (mine === turn && !signal.aborted) {
      await pause(EVERY, signal);
      if (mine !== turn || signal.aborted) return;
      if (!video.videoWidth) continue;
      const scale = Math.min(1, LONGEST / Math.max(video.videoWidth, video.videoHeight));
      const frame = await draw(video, Math.round(video.videoWidth * scale), Math.round(video.videoHeight * scale));
      if (!frame || mine !== turn) continue;
      try {
        const answer = await post("/admin/decode", frame, { signal });
        if (mine !== turn) return;
        told.textContent = t("lab.camera-looking");
        if (answer.codes?.length) {
          stop();
          found(frame, answer);
          return;
        }
      } catch (error) {
        if (signal.aborted || mine !== turn) return;
        if (error instanceof ApiError && error.status === 401) return stop();
        // Busy, or a frame that could not be read: the next one may do.
        told.textContent = error instanceof ApiError && error.status === 0 ? t("error.network") : t("lab.camera-looking");
        await pause(1000, signal);
      }
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden && stream) {
      stop();
      idle(t("lab.camera-hidden"));
    }
  }, { signal });
  signal.addEventListener("abort", stop);
  idle();
  return { el, stop };
}
