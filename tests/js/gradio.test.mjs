/** Gradio beside a page that stands already: what is left of its own page. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeDocument } from "./fake_dom.mjs";

fakeDocument();
const { reduce } = await import("../../explorer/ui/static/page/gradio.js");

/** A page with a picker in a form, the header's live part, and a tab with words, the offer (of a button), and a live part. */
const config = () => ({
  components: [
    { id: 1, props: { elem_id: "explorer-run", value: "first" } },
    { id: 2, props: { elem_classes: ["xp-part"], html_template: "<header></header>", js_on_load: "import()" } },
    { id: 3, props: { elem_classes: ["xp-part"] } },
    { id: 4, props: { elem_id: "explorer-download" } },
    { id: 5, props: {} },
    ...[6, 7, 8].map((id) => ({ id, props: {} })),
  ],
  page: {
    "": {
      layout: { id: 0, children: [{ id: 6, children: [{ id: 1 }] }, { id: 2 }, { id: 7, children: [{ id: 8 }, { id: 4, children: [{ id: 5 }] }, { id: 3 }] }] },
      components: [1, 2, 3, 4, 5, 6, 7, 8],
    },
  },
  dependencies: [
    { id: "run to the header", inputs: [1], outputs: [2] },
    { id: "run to a tab", inputs: [1], outputs: [3] },
    { id: "wish", inputs: [], outputs: [1, 7] },
    { id: "offer", inputs: [1], outputs: [4, 5] },
    { id: "done", inputs: [], outputs: [] },
    { id: "address", inputs: [8], outputs: [1, 7] },
  ],
});

test("of gradio's page the picker, what only it has and one empty live part are left, with what concerns them", () => {
  const left = config();
  reduce(left, "second", "joined()");
  assert.deepEqual(left.page[""].layout, { id: 0, children: [{ id: 1 }, { id: 2 }, { id: 4, children: [{ id: 5 }] }] });
  assert.deepEqual(left.page[""].components.sort(), [0, 1, 2, 4, 5]);
  assert.deepEqual(
    left.dependencies.map(({ id }) => id),
    ["run to the header", "wish", "offer", "done"],
  );
  assert.deepEqual(left.components[1].props, { elem_classes: ["xp-part"], html_template: "", js_on_load: "joined()", value: "second" });
  assert.equal(left.components[0].props.value, "second");
});

test("a page of gradio's without a picker or a live part is refused before it is changed", () => {
  for (const lost of [0, 1]) {
    const other = config();
    other.components = other.components.filter((_, at) => at !== lost && at !== 2);
    assert.throws(() => reduce(other, "second", ""), /no live part or no picker/);
  }
});
