/** Which dots of a window are shown as pictures: one in each cell of a grid that lies still while the plane is moved. */

/** Most pictures of a window. */
export const MOST_PICTURES = 4000;

/**
 * A picture in the place of a dot.
 * @typedef {object} Tile
 * @property {number} row
 * @property {number} px Its middle, in pixels of the pane.
 * @property {number} py
 */

/**
 * Width of the cells in units of the plane: a power of two of the smallest picture, so that it changes only with every
 * doubling of the zoom.
 * @param {number} perPixel Units of a pixel.
 * @param {number} least Pixels of the smallest picture.
 */
export const cellWidth = (perPixel, least) => 2 ** Math.ceil(Math.log2(perPixel * least) - 1e-9);

/**
 * The dots that stand for their cells, and the width of their pictures.
 * @param {import("./crowd.js").Crowd} crowd
 * @param {import("./pane.js").Pane} pane
 * @param {number} least Pixels of the smallest picture; they grow to twice that before the cells are halved.
 * @param {(dot: number) => boolean} [isShown]
 * @returns {{side: number, tiles: Tile[]}}
 */
export function tilesOf(crowd, pane, least, isShown = () => true) {
  const wide = cellWidth(1 / pane.across, least);
  const tall = cellWidth(1 / pane.up, least);
  const { left, right, bottom, top } = pane.box;
  // whole cells, or one at the edge would be stood for by another dot while the plane is moved
  const box = { left: Math.floor(left / wide) * wide, right: Math.ceil(right / wide) * wide, bottom: Math.floor(bottom / tall) * tall, top: Math.ceil(top / tall) * tall };
  const columns = Math.round((box.right - box.left) / wide);
  const lines = Math.round((box.top - box.bottom) / tall);
  const chosen = new Int32Array(columns * lines).fill(-1);
  for (const [from, to] of crowd.runs(box)) {
    for (let dot = from; dot < to; dot++) {
      const column = Math.floor((crowd.x[dot] - box.left) / wide);
      const line = Math.floor((crowd.y[dot] - box.bottom) / tall);
      if (column < 0 || line < 0 || column >= columns || line >= lines) continue;
      const held = chosen[line * columns + column];
      if ((held < 0 || crowd.rows[dot] < crowd.rows[held]) && isShown(dot)) chosen[line * columns + column] = dot;
    }
  }
  const side = Math.min(wide * pane.across, tall * pane.up);
  const tiles = [];
  for (const dot of chosen) {
    if (dot < 0) continue;
    const [px, py] = [pane.px(crowd.x[dot]), pane.py(crowd.y[dot])];
    if (px < -side || py < -side || px > pane.width + side || py > pane.height + side) continue;
    tiles.push({ row: crowd.rows[dot], px, py });
    if (tiles.length === MOST_PICTURES) break;
  }
  return { side, tiles };
}
