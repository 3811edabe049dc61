// Pictures for the lab, drawn by the browser itself from codes that the program minted.
import { writeFileSync } from "node:fs";

/**
 * @typedef {object} Drawing
 * @property {number} width @property {number} height
 * @property {{ png: Buffer, x: number, y: number, size: number }[]} codes
 */

/** Draws and gives the picture. @param {any} page @param {Drawing} drawing @param {"image/png" | "image/jpeg" | "luma"} kind @returns {Promise<Buffer>} */
export async function draw(page, { width, height, codes }, kind) {
  const list = codes.map(({ png, ...place }) => ({ ...place, url: `data:image/png;base64,${png.toString("base64")}` }));
  const made = await page.evaluate(async ({ width, height, list, kind }) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#e8e6df";
    pen.fillRect(0, 0, width, height);
    pen.imageSmoothingEnabled = false;
    for (const { url, x, y, size } of list) {
      const picture = new Image();
      picture.src = url;
      await picture.decode();
      pen.drawImage(picture, x, y, size, size);
    }
    if (kind !== "luma") return canvas.toDataURL(kind, 0.9).split(",")[1];
    const { data } = pen.getImageData(0, 0, width, height);
    let text = "";
    for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(Math.round(16 + (data[i] * 0.299 + data[i + 1] * 0.587 + data[i + 2] * 0.114) * 0.859));
    return btoa(text);
  }, { width, height, list, kind });
  return Buffer.from(made, "base64");
}

/** A film of one picture, as Chromium takes it in the place of a camera. @param {string} path @param {Buffer} luma @param {number} width @param {number} height */
export function film(path, luma, width, height) {
  const frame = Buffer.concat([Buffer.from("FRAME\n"), luma, Buffer.alloc((width * height) / 2, 128)]);
  writeFileSync(path, Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`), frame, frame]));
}
