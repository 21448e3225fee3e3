/**
 * The inner loops of programs, in AssemblyScript: compiled to WebAssembly with fixed-width SIMD by `make kernel`.
 *
 * Maps lie channels last, (height, width, channels), the channels filled up to a multiple of 4, with a border of zeros
 * as wide as the widest padding of the layers that read them. Weights lie in blocks of 8 output channels, and of 4
 * where 4 are left: (block, tap, input channel, lane). All addresses and steps are in bytes. Nothing is allocated
 * here: whoever calls lays out the memory.
 */

/** Activations by number, as machine.js knows them; 3 is the sigmoid. */
const NONE: i32 = 0;
const RELU: i32 = 1;
const SILU: i32 = 2;

/** a b + c, rounded once where the processor can. */
@inline
function fused(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** exp(x) to 2e-7 (Moshier's Cephes, expf): 2^n times a polynomial of degree 5 on [-ln 2 / 2, ln 2 / 2]. */
@inline
function exp4(given: v128): v128 {
  const x = f32x4.max(f32x4.min(given, f32x4.splat(88)), f32x4.splat(-87));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504088896341)));
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = fused(p, r, f32x4.splat(1.3981999507e-3));
  p = fused(p, r, f32x4.splat(8.3334519073e-3));
  p = fused(p, r, f32x4.splat(4.1665795894e-2));
  p = fused(p, r, f32x4.splat(1.6666665459e-1));
  p = fused(p, r, f32x4.splat(5.0000001201e-1));
  p = f32x4.add(fused(p, f32x4.mul(r, r), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(p, power);
}

/** What follows a layer, on four numbers. */
@inline
function activated(x: v128, kind: i32): v128 {
  if (kind == NONE) return x;
  if (kind == RELU) return f32x4.max(x, f32x4.splat(0));
  const one = f32x4.splat(1);
  const odds = f32x4.add(one, exp4(f32x4.neg(x)));
  return f32x4.div(kind == SILU ? x : one, odds);
}

/**
 * Weighted sums over taps: a convolution, one of the four phases of a transposed convolution, or any other layer whose
 * output pixel is a sum over pixels at fixed places around it.
 * @param x Where the pixel of tap offset 0 for the first output pixel lies.
 * @param offsets Byte offset of each tap from there, int32.
 * @param xRow Step of the input from an output row to the next; xPixel from a pixel to the next.
 * @param channels Input channels; lanes: output channels, filled up to a multiple of 4.
 */
export function taps(
  x: usize, offsets: usize, count: i32, channels: i32, weights: usize, bias: usize, y: usize, lanes: i32,
  height: i32, width: i32, xRow: i32, xPixel: i32, yRow: i32, yPixel: i32, activation: i32,
): void {
  const pixels = height * width;
  const last = pixels - 1;
  let lane = 0;
  for (; lane + 8 <= lanes; lane += 8) {
    const low = v128.load(bias + (<usize>lane << 2));
    const high = v128.load(bias + (<usize>lane << 2), 16);
    for (let p = 0; p < pixels; p += 4) {
      const p1 = min(p + 1, last), p2 = min(p + 2, last), p3 = min(p + 3, last);
      const y0 = p / width, y1 = p1 / width, y2 = p2 / width, y3 = p3 / width;
      const c0 = p - y0 * width, c1 = p1 - y1 * width, c2 = p2 - y2 * width, c3 = p3 - y3 * width;
      const x0 = x + y0 * xRow + c0 * xPixel, x1 = x + y1 * xRow + c1 * xPixel;
      const x2 = x + y2 * xRow + c2 * xPixel, x3 = x + y3 * xRow + c3 * xPixel;
      let a0 = low, a1 = low, a2 = low, a3 = low, b0 = high, b1 = high, b2 = high, b3 = high;
      let w = weights;
      for (let t = 0; t < count; t++) {
        const offset = load<i32>(offsets + (<usize>t << 2));
        let i0 = x0 + offset, i1 = x1 + offset, i2 = x2 + offset, i3 = x3 + offset;
        const end = i0 + (<usize>channels << 2);
        while (i0 < end) {
          const wa = v128.load(w), wb = v128.load(w, 16);
          let value = v128.load_splat<f32>(i0);
          a0 = fused(value, wa, a0);
          b0 = fused(value, wb, b0);
          value = v128.load_splat<f32>(i1);
          a1 = fused(value, wa, a1);
          b1 = fused(value, wb, b1);
          value = v128.load_splat<f32>(i2);
          a2 = fused(value, wa, a2);
          b2 = fused(value, wb, b2);
          value = v128.load_splat<f32>(i3);
          a3 = fused(value, wa, a3);
          b3 = fused(value, wb, b3);
          w += 32;
          i0 += 4;
          i1 += 4;
          i2 += 4;
          i3 += 4;
        }
      }
      const out = y + (<usize>lane << 2);
      const o0 = out + y0 * yRow + c0 * yPixel, o1 = out + y1 * yRow + c1 * yPixel;
      const o2 = out + y2 * yRow + c2 * yPixel, o3 = out + y3 * yRow + c3 * yPixel;
      v128.store(o0, activated(a0, activation));
      v128.store(o0, activated(b0, activation), 16);
      v128.store(o1, activated(a1, activation));
      v128.store(o1, activated(b1, activation), 16);
      v128.store(o2, activated(a2, activation));
      v128.store(o2, activated(b2, activation), 16);
      v128.store(o3, activated(a3, activation));
      v128.store(o3, activated(b3, activation), 16);
    }
    weights += <usize>(count * channels) << 5;
  }
  if (lane == lanes) return;
  const base = v128.load(bias + (<usize>lane << 2));
  for (let p = 0; p < pixels; p += 8) {
    const p1 = min(p + 1, last), p2 = min(p + 2, last), p3 = min(p + 3, last);
    const p4 = min(p + 4, last), p5 = min(p + 5, last), p6 = min(p + 6, last), p7 = min(p + 7, last);
    const y0 = p / width, y1 = p1 / width, y2 = p2 / width, y3 = p3 / width;
    const y4 = p4 / width, y5 = p5 / width, y6 = p6 / width, y7 = p7 / width;
    const c0 = p - y0 * width, c1 = p1 - y1 * width, c2 = p2 - y2 * width, c3 = p3 - y3 * width;
    const c4 = p4 - y4 * width, c5 = p5 - y5 * width, c6 = p6 - y6 * width, c7 = p7 - y7 * width;
    const x0 = x + y0 * xRow + c0 * xPixel, x1 = x + y1 * xRow + c1 * xPixel;
    const x2 = x + y2 * xRow + c2 * xPixel, x3 = x + y3 * xRow + c3 * xPixel;
    const x4 = x + y4 * xRow + c4 * xPixel, x5 = x + y5 * xRow + c5 * xPixel;
    const x6 = x + y6 * xRow + c6 * xPixel, x7 = x + y7 * xRow + c7 * xPixel;
    let a0 = base, a1 = base, a2 = base, a3 = base, a4 = base, a5 = base, a6 = base, a7 = base;
    let w = weights;
    for (let t = 0; t < count; t++) {
      const offset = load<i32>(offsets + (<usize>t << 2));
      for (let i = <usize>offset, end = i + (<usize>channels << 2); i != end; i += 4) {
        const wa = v128.load(w);
        a0 = fused(v128.load_splat<f32>(x0 + i), wa, a0);
        a1 = fused(v128.load_splat<f32>(x1 + i), wa, a1);
        a2 = fused(v128.load_splat<f32>(x2 + i), wa, a2);
        a3 = fused(v128.load_splat<f32>(x3 + i), wa, a3);
        a4 = fused(v128.load_splat<f32>(x4 + i), wa, a4);
        a5 = fused(v128.load_splat<f32>(x5 + i), wa, a5);
        a6 = fused(v128.load_splat<f32>(x6 + i), wa, a6);
        a7 = fused(v128.load_splat<f32>(x7 + i), wa, a7);
        w += 16;
      }
    }
    const out = y + (<usize>lane << 2);
    v128.store(out + y0 * yRow + c0 * yPixel, activated(a0, activation));
    v128.store(out + y1 * yRow + c1 * yPixel, activated(a1, activation));
    v128.store(out + y2 * yRow + c2 * yPixel, activated(a2, activation));
    v128.store(out + y3 * yRow + c3 * yPixel, activated(a3, activation));
    v128.store(out + y4 * yRow + c4 * yPixel, activated(a4, activation));
    v128.store(out + y5 * yRow + c5 * yPixel, activated(a5, activation));
    v128.store(out + y6 * yRow + c6 * yPixel, activated(a6, activation));
    v128.store(out + y7 * yRow + c7 * yPixel, activated(a7, activation));
  }
}

/**
 * A linear layer: four inputs at a time into sums of their own, so that no addition waits for the one before.
 * @param x Inputs, filled up with zeros to a multiple of 4.
 * @param inputs Their number, filled up; lanes: outputs, filled up to a multiple of 8.
 */
export function linear(
  x: usize, inputs: i32, weights: usize, bias: usize, y: usize, lanes: i32, activation: i32,
): void {
  let w = weights;
  for (let lane = 0; lane < lanes; lane += 8) {
    let a0 = v128.load(bias), b0 = v128.load(bias, 16);
    let a1 = f32x4.splat(0), a2 = a1, a3 = a1, b1 = a1, b2 = a1, b3 = a1;
    for (let i = x, end = x + (<usize>inputs << 2); i < end; i += 16) {
      let value = v128.load_splat<f32>(i);
      a0 = fused(value, v128.load(w), a0);
      b0 = fused(value, v128.load(w, 16), b0);
      value = v128.load_splat<f32>(i, 4);
      a1 = fused(value, v128.load(w, 32), a1);
      b1 = fused(value, v128.load(w, 48), b1);
      value = v128.load_splat<f32>(i, 8);
      a2 = fused(value, v128.load(w, 64), a2);
      b2 = fused(value, v128.load(w, 80), b2);
      value = v128.load_splat<f32>(i, 12);
      a3 = fused(value, v128.load(w, 96), a3);
      b3 = fused(value, v128.load(w, 112), b3);
      w += 128;
    }
    v128.store(y, activated(f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)), activation));
    v128.store(y, activated(f32x4.add(f32x4.add(b0, b1), f32x4.add(b2, b3)), activation), 16);
    bias += 32;
    y += 32;
  }
}

/**
 * activation(scale x + shift), row by row.
 * @param scale Of each channel, filled up; 0 for neither scale nor shift.
 * @param numbers Numbers in a row, a multiple of `channels`, which is filled up to a multiple of 4.
 */
export function pointwise(
  x: usize, y: usize, scale: usize, shift: usize, rows: i32, numbers: i32, channels: i32, xRow: i32, yRow: i32,
  activation: i32,
): void {
  const wide = <usize>channels << 2;
  for (let row = 0; row < rows; row++) {
    let channel: usize = 0;
    for (let at: usize = 0, end = <usize>numbers << 2; at < end; at += 16) {
      let value = v128.load(x + at);
      if (scale) {
        value = f32x4.add(f32x4.mul(value, v128.load(scale + channel)), v128.load(shift + channel));
        channel += 16;
        if (channel == wide) channel = 0;
      }
      v128.store(y + at, activated(value, activation));
    }
    x += xRow;
    y += yRow;
  }
}

/** first + second, row by row; `numbers` of each row, a multiple of 4. */
export function add(
  first: usize, second: usize, y: usize, rows: i32, numbers: i32, firstRow: i32, secondRow: i32, yRow: i32,
): void {
  for (let row = 0; row < rows; row++) {
    for (let at: usize = 0, end = <usize>numbers << 2; at < end; at += 16) {
      v128.store(y + at, f32x4.add(v128.load(first + at), v128.load(second + at)));
    }
    first += firstRow;
    second += secondRow;
    y += yRow;
  }
}

/** Pixels in [0, 1] as bytes (height, width, channels): clipped, and rounded half to even as the server does. */
export function bytes(x: usize, y: usize, height: i32, width: i32, channels: i32, xRow: i32, xPixel: i32): void {
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = x + row * xRow + column * xPixel;
      for (let c = 0; c < channels; c++) {
        const value = min<f32>(max<f32>(load<f32>(from + (<usize>c << 2)), 0), 1);
        store<u8>(y++, <u8>nearest<f32>(value * 255));
      }
    }
  }
}

/** Half precision as float32, subnormal numbers too; infinities do not occur. */
export function widen(x: usize, y: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    const half = <u32>load<u16>(x + (<usize>i << 1));
    const size = reinterpret<f32>((half & 0x7fff) << 13) * reinterpret<f32>(0x77800000); // times 2^112
    store<u32>(y + (<usize>i << 2), reinterpret<u32>(size) | ((half & 0x8000) << 16));
  }
}

/**
 * Weights in the order in which `taps` and `linear` read them, each times the scale of its output channel.
 * @param x Stored weights; the places of output channel o, input channel c and tap t differ by outStep o + inStep c +
 *   places[t], in numbers.
 * @param outputs Output channels; lanes: filled up to a multiple of 4; wide: input channels with those of zero weight.
 * @param scale Of each output channel, or 0.
 */
export function pack(
  x: usize, places: usize, count: i32, inputs: i32, wide: i32, outputs: i32, lanes: i32, outStep: i32, inStep: i32,
  scale: usize, y: usize,
): void {
  for (let lane = 0; lane < lanes; ) {
    const size = lanes - lane >= 8 ? 8 : 4;
    for (let t = 0; t < count; t++) {
      const place = load<i32>(places + (<usize>t << 2));
      for (let c = 0; c < wide; c++) {
        for (let k = 0; k < size; k++) {
          const o = lane + k;
          let value: f32 = 0;
          if (o < outputs && c < inputs) {
            value = load<f32>(x + (<usize>(o * outStep + c * inStep + place) << 2));
            if (scale) value *= load<f32>(scale + (<usize>o << 2));
          }
          store<f32>(y, value);
          y += 4;
        }
      }
    }
    lane += size;
  }
}
