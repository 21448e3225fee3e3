/** The tools inside a plane: what a drag does, the window, and files. */

import { h } from "./dom.js";
import { planeFile } from "./planefile.js";

/** @typedef {import("./plane.js").Plane} Plane */
/** @typedef {import("./planehand.js").Tool} Tool */

/**
 * @param {string} sign What stands on it.
 * @param {string} name
 * @param {string} hint
 * @param {() => void} pressed
 */
const tool = (sign, name, hint, pressed) => h("button.xp-plane-tool", { type: "button", title: hint, "aria-label": name, onclick: pressed }, sign);

/**
 * Put the tools into a plane.
 * @param {Plane} plane
 * @param {object} settings
 * @param {boolean} [settings.outlines] Whether dots can be selected.
 * @param {(tool: Tool) => void} [settings.use] Another tool was chosen; the plane's own hand takes it up unless said.
 * @param {string} settings.whole What the button says that shows all dots again.
 * @param {() => string} settings.name Of a file, without its ending.
 * @param {(words: string) => void} settings.say Told what went wrong, and "" when it went well.
 * @returns {{mark: (tool: Tool) => void}} Shows which tool is on.
 */
export function addTools(plane, { outlines = false, use = (chosen) => plane.hand.use(chosen), whole, name, say }) {
  const isCoarse = matchMedia("(pointer: coarse)").matches;
  /** @type {[Tool, string, string, string][]} */
  const kinds = [
    ...(isCoarse ? [/** @type {[Tool, string, string, string]} */ (["pan", "✥", "Move", "A finger moves the map; without this it scrolls the page"])] : []),
    ["box", "▢", "Box", "Drag a box around dots to select them; Shift adds to the selection"],
    ["lasso", "◌", "Lasso", "Draw a line around dots to select them; Shift adds to the selection"],
  ];
  /** @type {Map<Tool, HTMLElement>} */
  const switches = new Map();
  const mark = (/** @type {Tool} */ chosen) => switches.forEach((element, each) => element.setAttribute("aria-pressed", String(each === chosen)));
  for (const [kind, sign, title, hint] of kinds) {
    if (!outlines && kind !== "pan") continue;
    switches.set(
      kind,
      tool(sign, title, `${hint}. Press again to move the map.`, () => {
        const chosen = plane.hand.tool === kind ? "move" : kind;
        use(chosen);
        mark(chosen);
      }),
    );
  }
  mark("move");
  const save = async (/** @type {"png" | "svg"} */ kind) => {
    try {
      const href = URL.createObjectURL(await planeFile(plane, kind));
      h("a", { href, download: `${name()}.${kind}` }).click();
      setTimeout(() => URL.revokeObjectURL(href), 60_000);
      say("");
    } catch (error) {
      say(/** @type {Error} */ (error).message);
    }
  };
  plane.tools.replaceChildren(
    ...switches.values(),
    tool("+", "Zoom in", "Zoom in; a double click does so where the pointer is", () => plane.zoom(0.6)),
    tool("−", "Zoom out", "Zoom out; a double click with Shift does so", () => plane.zoom(1 / 0.6)),
    tool("⤢", whole, `${whole}: show all dots again`, () => plane.goHome()),
    tool("PNG", "Save as PNG", "Save this picture with twice its pixels", () => save("png")),
    tool("SVG", "Save as SVG", "Save this picture with its lines and letters as shapes", () => save("svg")),
  );
  return { mark };
}
