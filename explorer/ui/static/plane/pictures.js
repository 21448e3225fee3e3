/**
 * Which dots of a window are shown as pictures: one in each cell of a grid that lies still while the plane is moved.
 * Many pictures stand in the middles of their cells, so that none covers another: at most half a picture beside their
 * dots. Few stand where their dots are.
 */

/** Most pictures of a window. */
export const MOST_PICTURES = 4000;

/**
 * A picture in the place of a dot.
 * @typedef {object} Tile
 * @property {number} row
 * @property {number} x Of the dot, in the plane's coordinates.
 * @property {number} y
 * @property {number} px Middle of the picture, in pixels of the pane.
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
 * @param {boolean} [inCells] Whether they stand in the middles of their cells.
 * @returns {{side: number, tiles: Tile[]}}
 */
export function tilesOf(crowd, pane, least, isShown = () => true, inCells = false) {
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
  for (let cell = 0; cell < chosen.length; cell++) {
    const dot = chosen[cell];
    if (dot < 0) continue;
    const x = inCells ? box.left + ((cell % columns) + 0.5) * wide : crowd.x[dot];
    const y = inCells ? box.bottom + (Math.floor(cell / columns) + 0.5) * tall : crowd.y[dot];
    const [px, py] = [pane.px(x), pane.py(y)];
    if (px < -side || py < -side || px > pane.width + side || py > pane.height + side) continue;
    tiles.push({ row: crowd.rows[dot], x: crowd.x[dot], y: crowd.y[dot], px, py });
    if (tiles.length === MOST_PICTURES) break;
  }
  return { side, tiles };
}
