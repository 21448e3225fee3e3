import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { ServerError, Unreachable } from "../../explorer/ui/static/source/errors.js";
import { NewestWins } from "../../explorer/ui/static/source/newest.js";
import { ServerSource, address, ask } from "../../explorer/ui/static/source/server.js";

/** Work whose answers the test gives by hand, in any order. */
function byHand(limit = 4) {
  const calls = [];
  const shown = [];
  const failed = [];
  let most = 0;
  let flying = 0;
  const queue = new NewestWins(
    (request) =>
      new Promise((resolve, reject) => {
        most = Math.max(most, ++flying);
        const end = (settle) => (value) => {
          flying--;
          settle(value);
        };
        calls.push({ request, resolve: end(resolve), reject: end(reject) });
      }),
    (answer, request) => shown.push([answer, request]),
    (error, request) => failed.push([/** @type {Error} */ (error).message, request]),
    limit,
  );
  return { queue, calls, shown, failed, most: () => most };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("the last position is shown, whatever order the answers come in", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    let state = seed;
    const chance = () => ((state = (state * 48271) % 2147483647) / 2147483647);
    const { queue, calls, shown, most } = byHand();
    const open = [];
    let taken = 0;
    for (let k = 0; k < 40; k++) {
      queue.ask(k);
      open.push(...calls.slice(taken));
      taken = calls.length;
      while (open.length && chance() < 0.4) {
        const [call] = open.splice(Math.floor(chance() * open.length), 1);
        call.resolve(call.request);
        await settled();
        open.push(...calls.slice(taken));
        taken = calls.length;
      }
    }
    while (open.length) {
      const [call] = open.splice(Math.floor(chance() * open.length), 1);
      call.resolve(call.request);
      await settled();
      open.push(...calls.slice(taken));
      taken = calls.length;
    }
    const order = shown.map(([answer]) => answer);
    assert.equal(order.at(-1), 39, `seed ${seed}`);
    assert.deepEqual(order, [...order].sort((a, b) => a - b), `seed ${seed} went backwards`);
    assert.ok(most() <= 4, `${most()} in flight`);
  }
});

test("at most the limit flies, and of those that wait only the newest is sent", async () => {
  const { queue, calls, shown } = byHand(2);
  [1, 2, 3, 4, 5].forEach((k) => queue.ask(k));
  assert.deepEqual(calls.map((c) => c.request), [1, 2]);
  calls[0].resolve("one");
  await settled();
  assert.deepEqual(calls.map((c) => c.request), [1, 2, 5]);
  calls[2].resolve("five");
  await settled();
  calls[1].resolve("two");
  await settled();
  assert.deepEqual(shown.map(([answer]) => answer), ["one", "five"]);
});

test("a failure of an old request is not told, one of the newest is", async () => {
  const { queue, calls, failed, shown } = byHand();
  queue.ask(1);
  queue.ask(2);
  calls[0].reject(new Error("old"));
  calls[1].reject(new Error("new"));
  await settled();
  assert.deepEqual(failed, [["new", 2]]);
  queue.ask(3);
  calls[2].resolve("three");
  await settled();
  assert.deepEqual(shown, [["three", 3]]);
});

test("what was dropped is never shown", async () => {
  const { queue, calls, shown, failed } = byHand();
  queue.ask(1);
  queue.drop();
  calls[0].resolve("late");
  await settled();
  queue.ask(2);
  queue.drop();
  calls[1].reject(new Error("late"));
  await settled();
  assert.deepEqual(shown, []);
  assert.deepEqual(failed, []);
});

/** Let everything that was promised come true; timers stay where they are. */
const quiet = async () => {
  for (let k = 0; k < 5; k++) await Promise.resolve();
};

test("while the server cannot be reached the newest request is sent again, and then shown", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { queue, calls, shown, failed } = byHand();
  queue.ask("a");
  calls[0].reject(new Unreachable());
  await quiet();
  assert.deepEqual(failed, [["The server cannot be reached; trying again.", "a"]]);
  queue.ask("b"); // takes the place of the one that waits for its turn
  calls[1].reject(new Unreachable());
  await quiet();
  t.mock.timers.tick(1000);
  assert.deepEqual(calls.map((c) => c.request), ["a", "b", "b"]);
  calls[2].resolve("picture");
  await quiet();
  assert.deepEqual(shown, [["picture", "b"]]);
  t.mock.timers.tick(1e6);
  assert.equal(calls.length, 3);
});

test("a server that stays away is not asked for ever, and the last word says so", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { queue, calls, failed } = byHand();
  queue.ask("a");
  for (let k = 0; k < 20 && calls.length > k; k++) {
    calls[k].reject(new Unreachable());
    await quiet();
    t.mock.timers.tick(60_000);
  }
  assert.ok(calls.length > 3 && calls.length < 20, `${calls.length} tries`);
  assert.match(failed.at(-1)[0], /cannot be reached; try again later/);
});

test("a refusal is not sent again, nor is what was dropped", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { queue, calls } = byHand();
  queue.ask(1);
  calls[0].reject(new ServerError("no", 400));
  await quiet();
  queue.ask(2);
  calls[1].reject(new Unreachable());
  await quiet();
  queue.drop();
  t.mock.timers.tick(1e6);
  assert.equal(calls.length, 2);
});

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

/** Answers given one after the other; returns what was asked. */
function answers(...responses) {
  const asked = [];
  globalThis.fetch = async (url, options) => {
    asked.push({ url: String(url), options });
    return responses.shift();
  };
  return asked;
}

test("addresses stay below the program's own folder, and a run's name is escaped", () => {
  assert.ok(address("mnist-vae-2", "figure/map", { theme: "dark" }).href.endsWith("/api/run/mnist-vae-2/figure/map?theme=dark"));
  assert.ok(address("../../etc").href.includes("/api/run/..%2F..%2Fetc"));
  assert.ok(address("a", "export/sheet", { caption: ["1", "2 & 3"] }).href.endsWith("?caption=1&caption=2+%26+3"));
});

test("a stored array is asked for where the card says, and one that the card does not name is null", async () => {
  const asked = answers(new Response(Float32Array.of(1, 2).buffer));
  const info = /** @type {any} */ ({ stored: { points: "explorer/api/run/a/points?v=7" } });
  const source = new ServerSource();
  assert.deepEqual([...(await source.array(info, "points"))], [1, 2]);
  assert.ok(asked[0].url.endsWith("explorer/api/run/a/points?v=7"));
  assert.equal(await source.array(info, "labels"), null);
  assert.equal(source.version(info), "7");
  assert.equal(asked.length, 1);
});

test("small pictures that are decodes are decoded here where that can be, and sent where they are images", async () => {
  const source = new ServerSource();
  /** @type {any} */
  const asked = [];
  Object.assign(source, {
    picture: async (name) => asked.push(name),
    decodedSheet: async ({ name }, number) => (name === "broken" ? Promise.reject(new Error("no worker")) : asked.push(`${name} ${number}`)),
  });
  source.programs.of = (run) => /** @type {any} */ (run === "slow" ? null : {});
  const sheets = ["first", "second"];
  for (const [name, images, channels] of /** @type {const} */ ([["here", false, 1], ["here", true, 1], ["here", false, 3], ["slow", false, 1], ["broken", false, 1]])) {
    await source.sheet(/** @type {any} */ ({ name, has_images: images, image_shape: [channels, 8, 8], stored: { sprites: sheets } }), 1);
  }
  assert.deepEqual(asked, ["here 1", "second", "second", "second", "second"]);
});

test("a question is asked as the table of questions says", async () => {
  const asked = answers(Response.json({ ok: 1 }), new Response(Float32Array.of(3).buffer), new Response("x", { headers: { "content-disposition": 'attachment; filename="a.png"' } }), new Response(null));
  const source = new ServerSource();
  assert.deepEqual(await source.ask("figure", "a b", { of: { name: "map" }, query: { theme: "dark" } }), { ok: 1 });
  assert.ok(asked[0].url.endsWith("/run/a%20b/figure/map?theme=dark"));
  assert.equal(asked[0].options.method, undefined);
  assert.deepEqual([...(await source.ask("variations", "a", { body: Float32Array.of(1) }))], [3]);
  assert.equal(asked[1].options.method, "POST");
  const { name, blob } = await source.ask("file", "a", { of: { kind: "png" }, body: Float32Array.of(1) });
  assert.deepEqual([name, await blob.text()], ["a.png", "x"]);
  assert.equal(await source.ask("cancelTsne", "a", { query: { ticket: "t" } }), null);
  assert.equal(asked[3].options.method, "POST");
});

test("a question that was given up is not asked again while the server is busy", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = answers(Response.json({ error: "busy" }, { status: 503 }), Response.json([1]));
  const abort = new AbortController();
  const answer = assert.rejects(ask("http://x/", { signal: abort.signal }), { name: "AbortError" });
  await quiet();
  abort.abort();
  t.mock.timers.tick(1e6);
  await answer;
  assert.equal(asked.length, 1);
});

test("a decode posts the latents as little-endian float32 and reads the shape", async () => {
  const asked = answers(new Response(Uint8Array.of(1, 2, 3, 4), { headers: { "X-Shape": "1,2,2,1" } }));
  const view = new Float32Array([9, 1.5, -2]).subarray(1); // a view into a larger buffer must not send all of it
  const { pixels, shape } = await new ServerSource().decode("run", view, 1);
  assert.deepEqual([...pixels], [1, 2, 3, 4]);
  assert.deepEqual(shape, [1, 2, 2, 1]);
  assert.equal(asked[0].options.method, "POST");
  assert.deepEqual([...new Float32Array(asked[0].options.body)], [1.5, -2]);
});

test("an answer whose shape and bytes disagree is refused", async () => {
  answers(new Response(Uint8Array.of(1, 2, 3), { headers: { "X-Shape": "1,2,2,1" } }));
  await assert.rejects(new ServerSource().decode("run", Float32Array.of(1), 1), ServerError);
  answers(new Response(Uint8Array.of(1, 2, 3, 4), { headers: { "X-Shape": "1,2,2,1" } }));
  await assert.rejects(new ServerSource().decode("run", Float32Array.of(1, 2), 2), ServerError);
});

test("a refusal carries the server's own sentence and status", async () => {
  answers(Response.json({ error: "there is no run of that name." }, { status: 404 }));
  await assert.rejects(ask("http://x/"), (error) => {
    assert.ok(error instanceof ServerError);
    assert.equal(error.message, "there is no run of that name.");
    assert.equal(error.status, 404);
    return true;
  });
  answers(new Response("<html>", { status: 500 }));
  await assert.rejects(ask("http://x/"), /answered 500/);
});

test("a broken network is told in words of our own", async () => {
  globalThis.fetch = async () => {
    throw new TypeError("Failed to fetch");
  };
  await assert.rejects(ask("http://x/"), Unreachable);
});

test("a busy server is asked again", async () => {
  const asked = answers(Response.json({ error: "busy" }, { status: 503 }), Response.json([1]));
  assert.deepEqual(await (await ask("http://x/")).json(), [1]);
  assert.equal(asked.length, 2);
});

test("what was called off is no failure", async () => {
  const { queue, calls, failed } = byHand();
  queue.ask("gone");
  calls[0].reject(new DOMException("signal is aborted without reason", "AbortError"));
  await settled();
  assert.deepEqual(failed, []);
  queue.ask("broken");
  calls[1].reject(new Error("no decoder"));
  await settled();
  assert.deepEqual(failed, [["no decoder", "broken"]]);
});
