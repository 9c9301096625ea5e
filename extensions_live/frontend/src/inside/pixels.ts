// Images of examples on the page, from their grey values or colours.

/** Returns the bytes of all images in a message buffer. */
export function bytesOf(view: DataView | null | undefined): Uint8Array {
  return view?.byteLength
    ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    : new Uint8Array(0);
}

/** Returns the red, green, blue and alpha of one image. */
export function rgba(bytes: Uint8Array, index: number, size: number, channels: number) {
  const found = new Uint8ClampedArray(4 * size);
  for (let i = 0; i < size; i += 1) {
    for (let c = 0; c < 3; c += 1) {
      found[4 * i + c] = bytes[(index * size + i) * channels + (channels === 3 ? c : 0)] ?? 0;
    }
    found[4 * i + 3] = 255;
  }
  return found;
}

/** Draws one image on a canvas, with one canvas pixel for each pixel of the image. */
export function paint(
  canvas: HTMLCanvasElement,
  bytes: Uint8Array,
  index: number,
  { width, height, channels }: { width: number; height: number; channels: number },
): void {
  canvas.width = width;
  canvas.height = height;
  const pixels = rgba(bytes, index, width * height, channels);
  canvas.getContext("2d")?.putImageData(new ImageData(pixels, width, height), 0, 0);
}
