// @ts-check
// Pictures made to fit what the gateway reads.

/** What a picture may have. */
export const MOST_BYTES = 4 * 1024 * 1024;
/** The longer side of one that had to be made smaller. */
const LONGEST = 2400;

/**
 * A picture as it is, or smaller if it is too large: photographs of telephones are.
 * @param {Blob} picture
 * @returns {Promise<{ blob: Blob, shrunk: boolean }>}
 */
export async function fit(picture) {
  if (picture.size <= MOST_BYTES && /^image\/(png|jpeg|webp)$/.test(picture.type)) return { blob: picture, shrunk: false };
  const map = await createImageBitmap(picture).catch(() => null);
  if (!map) return { blob: picture, shrunk: false };
  const scale = Math.min(1, LONGEST / Math.max(map.width, map.height));
  const blob = await draw(map, Math.round(map.width * scale), Math.round(map.height * scale));
  map.close();
  return blob ? { blob, shrunk: scale < 1 || blob.size < picture.size } : { blob: picture, shrunk: false };
}

/**
 * @param {CanvasImageSource} from
 * @param {number} width
 * @param {number} height
 * @returns {Promise<Blob | null>}
 */
export function draw(from, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d")?.drawImage(from, 0, 0, width, height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
}
