/** The words of the page that have a meaning of their own, each in one plain sentence. At most 25, so that they can be learnt. */

export const GLOSSARY = {
  latent: "The short list of numbers that a model keeps of an image.",
  dimension: "One of the numbers of a latent; d says how many there are.",
  encoder: "The half of a model that turns an image into a latent.",
  decoder: "The half of a model that turns a latent into an image.",
  code: "The latent that the encoder gives an image.",
  autoencoder: "A model that squeezes an image into a few numbers and learns to draw it again from them.",
  VAE: "An autoencoder whose codes are blurred and kept close to one known bell, so that new ones can be drawn.",
  twin: "The other model of a pair, an autoencoder and a VAE, fitted to the same images with the same settings.",
  prior: "The bell-shaped cloud that a VAE wants its codes to fill: independent numbers of mean 0 and variance 1.",
  bell: "A normal distribution in all dimensions, here one that was fitted to the codes of training images.",
  posterior: "The small cloud of latents that a VAE holds possible for one image.",
  reconstruction: "What the decoder draws from the code of an image.",
  nats: "The unit of information here: 1 nat is 1.44 bits.",
  rate: "How many nats a code tells of its image; also called KL.",
  distortion: "How many nats the reconstruction is away from the image.",
  ELBO: "Minus rate and distortion: a floor under how likely a model holds an image.",
  beta: "How much the rate weighs in the fit: more keeps less of each image, and its codes closer to the prior.",
  hole: "A place to which no image is encoded: farther from codes than 95 of 100 real images are.",
  "p-value": "The share of real images whose codes lie as far from others as this place; at most 0.05 is a hole.",
  "tell-apart": "How often a classifier tells draws from codes of real images: 50 % is a coin, 100 % always.",
  coverage: "The share of real codes that have a draw nearby.",
  "round trip": "Decode a latent and encode the image again: how far it comes back from where it was.",
  collapse: "The model ignores a dimension: whatever the image, the number there says nothing of it.",
  PCA: "The directions along which codes differ most, strongest first.",
};

/** @typedef {keyof typeof GLOSSARY} Term */
