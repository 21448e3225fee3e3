/** Which curves over the epochs are drawn, and how each is read. */

export const LOSSES = /** @type {const} */ ([
  {
    part: "sum",
    label: "distortion plus rate over the epochs",
    hint: "For a VAE at beta 1 this is the negative ELBO, which the fit lowers. Held-out images far above, or rising: the net learns its training images by heart.",
  },
  { part: "distortion", label: "distortion over the epochs", hint: "What is lost in decoding: lower is a closer reconstruction." },
  {
    part: "rate",
    label: "rate over the epochs",
    hint: "What the codes carry of an image. Near 0 they carry nothing: posterior collapse.",
  },
  { part: "penalty", label: "penalty over the epochs", hint: "What the fit adds to the loss: the penalty of a family, or features that it misses. Its scale is its own." },
]);

export const SETTING_CURVES = /** @type {const} */ ([
  {
    part: "active",
    label: "active units over the epochs",
    hint:
      "Dimensions that carry at least 0.01 nats of the training images. A fit that keeps losing them is collapsing; " +
      "the count at the end, below, goes by the posterior means of the test images.",
  },
  { part: "beta", label: "beta over the epochs", hint: "Weight of the rate. A warm-up lets the codes carry something before it costs them." },
  {
    part: "lr",
    label: "learning rate over the epochs",
    hint: "At the end of each epoch. A fit makes its last gains while it comes down; one that ends while it is high has not settled.",
  },
]);

export const PANELS = [...LOSSES, ...SETTING_CURVES];
