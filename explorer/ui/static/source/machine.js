/**
 * Runs programs: reads the file that explorer/program/steps.py writes, lays out the kernel's memory, and computes.
 *
 * All of it is inside one function that refers to nothing outside: a worker is made of its text, so that the same code
 * runs on the page's own thread and beside it, from a server or from a file.
 */

/**
 * An array of a program.
 * @typedef {{at: number, shape: number[], type: "f2" | "f4"}} Stored
 */

/**
 * A step of a program; what else it has depends on `op`.
 * @typedef {{op: string, in: number[], shape: number[], weight?: Stored, bias?: Stored, scale?: Stored, shift?: Stored,
 *   stride?: number[], padding?: number[], start?: any, size?: number[], factor?: any, summand?: number, slope?: number,
 *   alpha?: number, low?: number, high?: number, levels?: number}} Step
 */

/**
 * What stands at the head of a program.
 * @typedef {object} Head
 * @property {number} format
 * @property {"decoder" | "encoder"} part
 * @property {number} latent_dim
 * @property {[number, number, number]} image_shape channels, height, width
 * @property {number} levels
 * @property {number} multiplies Multiply-adds of one pass.
 * @property {number[]} input
 * @property {Step[]} steps
 * @property {Record<string, number>} outputs
 * @property {Record<string, Stored>} test
 */

/**
 * Where a value lies in the kernel's memory, all in bytes: a vector of `channels` numbers, or a map with its channels last.
 * @typedef {object} Region
 * @property {boolean} flat Whether it is a vector.
 * @property {number} channels
 * @property {number} height
 * @property {number} width
 * @property {number} lanes Channels with what fills them up.
 * @property {number} border Pixels of zero around a map.
 * @property {number} row From a row to the next.
 * @property {number} pixel From a pixel to the next.
 * @property {number} at Of the first number.
 */

/** @returns {{Program: any, read: (file: ArrayBuffer) => {head: Head, start: number}}} */
export function machine() {
  const FORMAT = 2;
  const PAGE = 65536;
  const LINE = 64; // what every piece of memory begins at a multiple of
  const ACTIVATIONS = /** @type {Record<string, number>} */ ({ relu: 1, silu: 2, sigmoid: 3 });
  const TOLERANCE = { pixels: 1 / 255, mean: 1e-3, log_variance: 1e-3 };
  const up = (/** @type {number} */ size, /** @type {number} */ to) => Math.ceil(size / to) * to;
  const sizeOf = (/** @type {number[]} */ shape) => shape.reduce((product, side) => product * side, 1);

  /** erf to 1.2e-7 (Press et al., Numerical Recipes, section 6.2). @param {number} x */
  const erf = (x) => {
    const t = 1 / (1 + 0.5 * Math.abs(x));
    const p = [0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368, -1.26551223];
    const rest = t * Math.exp(-x * x + p.reduce((sum, each) => sum * t + each, 0));
    return x >= 0 ? 1 - rest : rest - 1;
  };

  /** What is done to every number alike, where the kernel has no loop for it. @type {Record<string, (step: any) => (x: number) => number>} */
  const EACH = {
    tanh: () => Math.tanh,
    exp: () => Math.exp,
    leaky_relu: ({ slope }) => (x) => (x > 0 ? x : slope * x),
    elu: ({ alpha }) => (x) => (x > 0 ? x : alpha * Math.expm1(x)),
    gelu: () => (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
    gelu_tanh: () => (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
    clamp: ({ low, high }) => (x) => Math.min(Math.max(x, low), high),
    times: ({ factor }) => (x) => factor * x,
    plus: ({ summand }) => (x) => x + summand,
  };

  /**
   * Read a program's head.
   * @param {ArrayBuffer} file
   * @returns {{head: Head, start: number}} With the byte at which the weights begin.
   */
  function read(file) {
    const view = new DataView(file);
    if (file.byteLength < 8 || view.getUint32(0, false) !== 0x4c535850) throw new Error("what was sent is no program");
    const start = 8 + view.getUint32(4, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, start - 8)));
    if (head.format !== FORMAT) throw new Error(`the program is of format ${head.format}, and this page knows ${FORMAT}; reload the page`);
    return { head, start };
  }

  /** The steps of a program, joined where the kernel does several at once. */
  class Plan {
    /** @param {Head} head */
    constructor(head) {
      this.head = head;
      /** @type {number[][]} Steps that read a value. */
      this.readers = Array.from({ length: head.steps.length + 1 }, () => []);
      head.steps.forEach((step, k) => step.in.forEach((value) => this.readers[value].push(k)));
      this.kept = new Set(Object.values(head.outputs));
      this.done = new Set();
    }

    /**
     * The step that alone reads a value, if it is one of these and the value is wanted nowhere else.
     * @param {number} value
     * @param {string[]} ops
     */
    only(value, ops) {
      const [reader, ...others] = this.readers[value];
      if (reader === undefined || others.length || this.kept.has(value)) return null;
      return ops.includes(this.head.steps[reader].op) ? reader : null;
    }

    /**
     * A layer with what the kernel does in the same breath: scale and shift of its channels, and an activation.
     * @param {number} k Of the step.
     */
    joined(k) {
      const { steps } = this.head;
      let norm = steps[k].op === "affine" ? steps[k] : null;
      let value = k + 1;
      if (!norm && steps[k].weight) {
        const next = this.only(value, ["affine"]);
        if (next !== null) {
          this.done.add(next);
          norm = steps[next];
          value = next + 1;
        }
      }
      let activation = ACTIVATIONS[steps[k].op] ?? 0;
      const next = activation ? null : this.only(value, Object.keys(ACTIVATIONS));
      if (next !== null) {
        this.done.add(next);
        activation = ACTIVATIONS[steps[next].op];
        value = next + 1;
      }
      return { norm, activation, value };
    }

    /**
     * Where the taps of a layer lie, for each phase of its output: one for a convolution, one for every place between
     * two input pixels for a transposed one.
     * @param {Step} step
     * @param {number[]} given Shape of its input.
     */
    phases(step, given) {
      const [tall, wide] = /** @type {Stored} */ (step.weight).shape.slice(2);
      const [down, right] = /** @type {number[]} */ (step.stride);
      const [top, left] = /** @type {number[]} */ (step.padding);
      const [, height, width] = step.shape;
      const found = [];
      if (step.op === "convolution") {
        const taps = [];
        for (let y = 0; y < tall; y++) for (let x = 0; x < wide; x++) taps.push({ place: y * wide + x, y: y - top, x: x - left });
        found.push({ y: 0, x: 0, height, width, taps, down, right });
      } else {
        for (let py = 0; py < Math.min(down, height); py++) {
          for (let px = 0; px < Math.min(right, width); px++) {
            const taps = [];
            for (let y = 0; y < tall; y++) {
              for (let x = 0; x < wide; x++) {
                if ((py + top - y) % down === 0 && (px + left - x) % right === 0) taps.push({ place: y * wide + x, y: (py + top - y) / down, x: (px + left - x) / right });
              }
            }
            found.push({ y: py, x: px, height: Math.ceil((height - py) / down), width: Math.ceil((width - px) / right), taps, down: 1, right: 1 });
          }
        }
      }
      let border = 0; // pixels outside of the input that are read
      for (const phase of found) {
        for (const { y, x } of phase.taps) border = Math.max(border, -y, -x, (phase.height - 1) * phase.down + y - given[1] + 1, (phase.width - 1) * phase.right + x - given[2] + 1);
      }
      return { found, border };
    }
  }

  class Program {
    /**
     * Make a program ready: its weights unfolded to float32 in a memory of its own.
     * @param {WebAssembly.Module} kernel
     * @param {ArrayBuffer} file
     * @returns {Promise<Program>}
     */
    static async open(kernel, file) {
      const { head, start } = read(file);
      const plan = new Plan(head);
      const shapes = [head.input, ...head.steps.map((step) => step.shape)];
      const borders = shapes.map(() => 0);
      let size = 1024;
      const room = (/** @type {number} */ bytes) => {
        const at = size;
        size += up(bytes, LINE) + LINE; // the last block of a row may read a little beyond it
        return at;
      };
      for (const step of head.steps) {
        if (step.op === "convolution" || step.op === "transposed") borders[step.in[0]] = Math.max(borders[step.in[0]], plan.phases(step, shapes[step.in[0]]).border);
      }
      /** @type {Region[]} */
      const places = shapes.map((shape, k) => {
        const flat = shape.length === 1;
        const [channels, height, width] = flat ? [shape[0], 1, 1] : shape;
        const lanes = up(channels, flat ? 8 : 4);
        const [border, pixel] = [borders[k], 4 * lanes];
        const row = (width + 2 * border) * pixel;
        return { flat, channels, height, width, lanes, border, row, pixel, at: room((height + 2 * border) * row) + border * (row + pixel) };
      });
      const program = new Program(head, places);
      const stored = head.steps.flatMap(({ weight, bias, scale, shift }) => [weight, bias, scale, shift]).filter((each) => each !== undefined);
      const largest = Math.max(1, ...stored.map(({ shape }) => sizeOf(shape)));
      const [raw, wide, list] = [room(4 * largest), room(4 * largest), room(4 * 4096)];
      const before = size;
      for (const step of head.steps) {
        if (!step.weight) continue; // every output channel has its weights, filled up, and its bias
        const { shape } = step.weight;
        const [outputs, inputs] = step.op === "transposed" ? [shape[1], shape[0]] : shape;
        size += 4 * (up(outputs, 8) * (up(inputs, 4) * sizeOf(shape.slice(2)) + 1)) + 64 * (2 + 2 * sizeOf(step.stride ?? [1]) + sizeOf(shape.slice(2)));
      }
      size += head.steps.length * 4 * LINE + 8 * head.steps.reduce((sum, { op, shape }) => sum + (op === "affine" ? up(shape[0], 8) + 2 * LINE : 0), 0);
      size += up(sizeOf(head.image_shape), LINE) + LINE;
      const memory = new WebAssembly.Memory({ initial: Math.ceil(size / PAGE) });
      size = before;
      const { exports } = await WebAssembly.instantiate(kernel, { env: { memory } });
      program.fill(/** @type {any} */ (exports), memory, plan, { file, start, room, raw, wide, list });
      if (size > memory.buffer.byteLength) throw new Error("the program is larger than what was laid out for it");
      return program;
    }

    /**
     * @param {Head} head
     * @param {Region[]} places
     */
    constructor(head, places) {
      this.head = head;
      this.places = places;
      /** @type {(() => void)[]} */
      this.work = [];
    }

    /**
     * Lay out weights, and make a list of what is to be done.
     * @param {any} kernel
     * @param {WebAssembly.Memory} memory
     * @param {Plan} plan
     * @param {{file: ArrayBuffer, start: number, room: (bytes: number) => number, raw: number, wide: number, list: number}} from
     */
    fill(kernel, memory, plan, { file, start, room, raw, wide, list }) {
      const numbers = new Float32Array(memory.buffer);
      const whole = new Int32Array(memory.buffer);
      const octets = new Uint8Array(memory.buffer);
      Object.assign(this, { kernel, numbers, octets });

      /** A stored array as float32 in the kernel's memory. @param {Stored} told @param {number} at */
      const unfold = (told, at) => {
        const count = sizeOf(told.shape);
        const half = told.type === "f2";
        const stored = new Uint8Array(file, start + told.at, count * (half ? 2 : 4));
        if (half) {
          for (let k = 0; k < count; k++) {
            octets[raw + 2 * k] = stored[count + k];
            octets[raw + 2 * k + 1] = stored[k];
          }
          kernel.widen(raw, at, count);
        } else octets.set(stored, at);
        return numbers.subarray(at / 4, at / 4 + count);
      };
      /** A number for each lane. @param {number} lanes @param {(k: number) => number} number @param {number} count */
      const perLane = (lanes, number, count) => {
        const at = room(4 * lanes);
        for (let k = 0; k < count; k++) numbers[at / 4 + k] = number(k);
        return at;
      };
      const copy = (/** @type {Stored | undefined} */ told) => told && Float32Array.from(unfold(told, wide));

      this.head.steps.forEach((step, k) => {
        if (plan.done.has(k)) return;
        const x = this.places[step.in[0]];
        if (step.weight || step.op === "affine" || step.op in ACTIVATIONS) {
          const { norm, activation, value } = plan.joined(k);
          const y = this.places[value];
          const [scale, shift] = [copy(norm?.scale), copy(norm?.shift)];
          if (!step.weight) {
            const [by, plus] = scale && shift ? [scale, shift].map((each) => perLane(y.lanes, (c) => each[c], y.channels)) : [0, 0];
            this.work.push(() => kernel.pointwise(x.at, y.at, by, plus, y.height, y.width * y.lanes, y.lanes, x.row, y.row, activation));
            return;
          }
          const bias = copy(step.bias);
          const moved = (/** @type {number} */ c) => (bias?.[c] ?? 0) * (scale?.[c] ?? 1) + (shift?.[c] ?? 0);
          const plus = perLane(up(y.channels, 8), moved, y.channels);
          const by = scale ? perLane(up(y.channels, 8), (c) => scale[c], y.channels) : 0;
          unfold(step.weight, wide);
          const { shape } = step.weight;
          if (step.op === "linear") {
            const [outputs, inputs] = shape;
            const [lanes, filled] = [up(outputs, 8), up(inputs, 4)];
            const weights = room(4 * lanes * filled);
            whole[list / 4] = 0;
            kernel.pack(wide, list, 1, inputs, filled, outputs, lanes, inputs, 1, by, weights);
            this.work.push(() => kernel.linear(x.at, filled, weights, plus, y.at, lanes, activation));
            return;
          }
          const kernelSize = shape[2] * shape[3];
          const [outStep, inStep] = step.op === "transposed" ? [kernelSize, shape[1] * kernelSize] : [shape[1] * kernelSize, kernelSize];
          for (const phase of plan.phases(step, [x.channels, x.height, x.width]).found) {
            const count = phase.taps.length;
            const weights = room(4 * y.lanes * x.channels * count);
            const offsets = room(4 * count);
            phase.taps.forEach((tap, t) => {
              whole[list / 4 + t] = tap.place;
              whole[offsets / 4 + t] = tap.y * x.row + tap.x * x.pixel;
            });
            kernel.pack(wide, list, count, x.channels, x.channels, y.channels, y.lanes, outStep, inStep, by, weights);
            const [down, right] = step.op === "transposed" ? /** @type {number[]} */ (step.stride) : [1, 1];
            const at = y.at + phase.y * y.row + phase.x * y.pixel;
            this.work.push(() =>
              kernel.taps(x.at, offsets, count, x.channels, weights, plus, at, y.lanes, phase.height, phase.width, phase.down * x.row, phase.right * x.pixel, down * y.row, right * y.pixel, activation),
            );
          }
          return;
        }
        const y = this.places[k + 1];
        const inputs = step.in.map((value) => this.places[value]);
        if (step.op === "add") {
          const [first, second] = inputs;
          this.work.push(() => kernel.add(first.at, second.at, y.at, y.height, y.width * y.lanes, first.row, second.row, y.row));
        } else this.work.push(plainly(step, inputs, y, numbers));
      });
      const [channels, height, width] = this.head.image_shape;
      this.image = { channels, height, width, size: channels * height * width };
      this.out = room(this.image.size);
    }

    /** Run the steps on what stands in the input. */
    pass() {
      for (const step of this.work) step();
    }

    /**
     * Put an input where the first step reads it.
     * @param {ArrayLike<number>} values Of a latent; or of an image, its channels last.
     * @param {number} [start] Where it begins among them.
     */
    put(values, start = 0) {
      const { flat, channels, height, width, at, row, pixel } = this.places[0];
      const numbers = /** @type {any} */ (this).numbers;
      if (flat) for (let k = 0; k < channels; k++) numbers[at / 4 + k] = values[start + k];
      else {
        let k = start;
        for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) for (let c = 0; c < channels; c++) numbers[(at + y * row + x * pixel) / 4 + c] = values[k++];
      }
    }

    /**
     * An output as it stands after a pass, in the order (C, H, W).
     * @param {string} name
     * @returns {Float32Array}
     */
    take(name) {
      const place = this.places[this.head.outputs[name]];
      const taken = new Float32Array(place.channels * place.height * place.width);
      inOrder(place, (from, k) => (taken[k] = /** @type {any} */ (this).numbers[from]));
      return taken;
    }

    /**
     * Pictures of latents.
     * @param {Float32Array} latents (count * d)
     * @param {number} count
     * @returns {Uint8ClampedArray} (count, H, W, C)
     */
    decode(latents, count) {
      const { size, channels, height, width } = /** @type {any} */ (this).image;
      const { kernel, octets, out } = /** @type {any} */ (this);
      const place = this.places[this.head.outputs.pixels];
      const pixels = new Uint8ClampedArray(count * size);
      for (let k = 0; k < count; k++) {
        this.put(latents, k * this.head.latent_dim);
        this.pass();
        kernel.bytes(place.at, out, height, width, channels, place.row, place.pixel);
        pixels.set(octets.subarray(out, out + size), k * size);
      }
      return pixels;
    }

    /**
     * One picture before it is rounded to bytes.
     * @param {Float32Array} latent (d,)
     * @returns {Float32Array} (H, W, C)
     */
    unrounded(latent) {
      this.put(latent);
      this.pass();
      const { channels, height, width, at, row, pixel } = this.places[this.head.outputs.pixels];
      const { numbers } = /** @type {any} */ (this);
      const image = new Float32Array(channels * height * width);
      let k = 0;
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) for (let c = 0; c < channels; c++) image[k++] = numbers[(at + y * row + x * pixel) / 4 + c];
      return image;
    }

    /**
     * Posteriors of images.
     * @param {Float32Array} images (count, H, W, C), in [0, 1].
     * @param {number} count
     * @returns {{mean: Float32Array, logVariance: Float32Array | null}} (count * d) each; null for points.
     */
    encode(images, count) {
      const d = this.head.latent_dim;
      const wide = "log_variance" in this.head.outputs;
      const mean = new Float32Array(count * d);
      const logVariance = wide ? new Float32Array(count * d) : null;
      for (let k = 0; k < count; k++) {
        this.put(images, k * /** @type {any} */ (this).image.size);
        this.pass();
        mean.set(this.take("mean"), k * d);
        logVariance?.set(this.take("log_variance"), k * d);
      }
      return { mean, logVariance };
    }

    /**
     * How the program's own test fails, as half a sentence; null where it is passed.
     * @param {ArrayBuffer} file
     */
    trouble(file) {
      const { head, start } = read(file);
      const stored = (/** @type {Stored} */ { at, shape }) => new Float32Array(file, start + at, sizeOf(shape));
      const { input, ...wanted } = head.test;
      const given = stored(input);
      if (input.shape.length === 1) this.put(given);
      else {
        const [channels, height, width] = input.shape;
        const last = new Float32Array(given.length);
        for (let c = 0; c < channels; c++) for (let p = 0; p < height * width; p++) last[p * channels + c] = given[c * height * width + p];
        this.put(last);
      }
      this.pass();
      for (const [name, told] of Object.entries(wanted)) {
        const most = TOLERANCE[/** @type {keyof typeof TOLERANCE} */ (name)];
        const right = stored(told);
        const off = this.take(name).reduce((worst, value, k) => {
          const error = Math.abs(value - right[k]) / (name === "pixels" ? 1 : 1 + Math.abs(right[k]));
          return error <= worst ? worst : error; // and NaN is worse than anything
        }, 0);
        if (!(off <= most)) return `the self-test of the ${head.part} is off by ${off.toPrecision(2)} where ${most.toPrecision(2)} is allowed`;
      }
      return null;
    }

    /** Milliseconds of one pass: the best of a few, because the browser makes the kernel faster while it runs. */
    pace() {
      const begin = performance.now();
      let [best, count] = [Infinity, 1];
      for (let tries = 0; tries < 3 || (tries < 12 && performance.now() - begin < 50); tries++) {
        const before = performance.now();
        for (let k = 0; k < count; k++) this.pass();
        const spent = performance.now() - before;
        if (spent < 4 && count < 1024) count *= 4; // clocks of browsers are coarse
        else best = Math.min(best, spent / count);
      }
      return best < Infinity ? best : (performance.now() - begin) / count;
    }
  }

  /**
   * Visit the numbers of a value in the order (C, H, W).
   * @param {Region} place
   * @param {(from: number, k: number) => void} visit With a number's place in the memory, and among the others.
   */
  function inOrder({ channels, height, width, at, row, pixel }, visit) {
    let k = 0;
    for (let c = 0; c < channels; c++) for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) visit((at + y * row + x * pixel) / 4 + c, k++);
  }

  /**
   * A step that the kernel has no loop for, in plain JavaScript.
   * @param {Step} step
   * @param {Region[]} inputs
   * @param {Region} y
   * @param {Float32Array} numbers
   * @returns {() => void}
   */
  function plainly(step, inputs, y, numbers) {
    const [x] = inputs;
    const rows = y.height;
    /** Where pixel (row, column) of a value begins. @type {(place: Region, row: number, column: number) => number} */
    const of = (place, row, column) => (place.at + row * place.row + column * place.pixel) / 4;
    if (step.op in EACH) {
      const change = EACH[step.op](step);
      return () => {
        for (let row = 0; row < rows; row++) {
          const [from, to] = [of(x, row, 0), of(y, row, 0)];
          for (let k = 0; k < y.width * y.lanes; k++) numbers[to + k] = change(numbers[from + k]);
        }
      };
    }
    /** Every number of the output from its channel, row and column. @param {(c: number, row: number, column: number) => number} number */
    const everywhere = (number) => () => {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < y.width; column++) {
          const to = of(y, row, column);
          for (let c = 0; c < y.channels; c++) numbers[to + c] = number(c, row, column);
        }
      }
    };
    /** The pixels of a window as one number. @param {(values: number[]) => number} summary */
    const windows = (summary) => {
      const [[tall, wide], [down, right]] = [step.size, step.stride].map((each) => /** @type {number[]} */ (each));
      return everywhere((c, row, column) => {
        const values = [];
        for (let j = 0; j < tall; j++) for (let i = 0; i < wide; i++) values.push(numbers[of(x, row * down + j, column * right + i) + c]);
        return summary(values);
      });
    };
    const between = (/** @type {number} */ k, /** @type {number} */ size) => Math.min(Math.max(k, 0), size - 1);
    switch (step.op) {
      case "multiply":
        return everywhere((c, row, column) => numbers[of(x, row, column) + c] * numbers[of(inputs[1], row, column) + c]);
      case "slice":
        return everywhere((c, row, column) => numbers[of(x, row, column) + step.start + c]);
      case "join": {
        const channels = inputs.flatMap((place) => Array.from({ length: place.channels }, (_, c) => /** @type {const} */ ([place, c])));
        return everywhere((c, row, column) => numbers[of(channels[c][0], row, column) + channels[c][1]]);
      }
      case "reshape": {
        const order = new Float32Array(x.channels * x.height * x.width);
        return () => {
          inOrder(x, (from, k) => (order[k] = numbers[from]));
          inOrder(y, (to, k) => (numbers[to] = order[k]));
        };
      }
      case "repeat_edge":
        return everywhere((c, row, column) => numbers[of(x, between(row - step.start[0], x.height), between(column - step.start[1], x.width)) + c]);
      case "crop":
        return everywhere((c, row, column) => numbers[of(x, row + step.start[0], column + step.start[1]) + c]);
      case "enlarge":
        return everywhere((c, row, column) => numbers[of(x, Math.floor(row / step.factor[0]), Math.floor(column / step.factor[1])) + c]);
      case "mean_pool":
        return windows((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
      case "max_pool":
        return windows((values) => Math.max(...values));
      case "expected_level": {
        const levels = /** @type {number} */ (step.levels);
        return everywhere((c, row, column) => {
          const from = of(x, row, column) + c * levels;
          let [top, total, sum] = [-Infinity, 0, 0];
          for (let k = 0; k < levels; k++) top = Math.max(top, numbers[from + k]);
          for (let k = 0; k < levels; k++) {
            const odds = Math.exp(numbers[from + k] - top);
            total += odds;
            sum += odds * k;
          }
          return sum / total / (levels - 1);
        });
      }
      default:
        throw new Error(`this page does not know the step ${step.op} of the program; reload the page`);
    }
  }

  return { Program, read };
}
