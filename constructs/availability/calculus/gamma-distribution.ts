/** Coefficients of Lanczos' approximation, g = 7, n = 9: relative error below 1e-14. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;

/** Natural logarithm of the gamma function of x > 0. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const at = x - 1;
  const sum = LANCZOS.reduce((total, one, index) => total + (index === 0 ? one : one / (at + index)), 0);
  const t = at + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (at + 0.5) * Math.log(t) - t + Math.log(sum);
}

const MOST_TERMS = 10_000;
const PRECISION = 1e-15;

/** Regularised lower incomplete gamma function: the share of a gamma distribution of that shape and rate 1 below x. */
export function gammaBelow(shape: number, x: number): number {
  if (x <= 0) return 0;
  const front = Math.exp(shape * Math.log(x) - x - logGamma(shape));
  if (x < shape + 1) {
    let term = 1 / shape;
    let sum = term;
    for (let n = 1; n < MOST_TERMS && term > sum * PRECISION; n++) {
      term *= x / (shape + n);
      sum += term;
    }
    return front * sum;
  }
  // Lentz's continued fraction of the upper tail.
  let b = x + 1 - shape;
  let c = 1e300;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < MOST_TERMS; n++) {
    const a = -n * (n - shape);
    b += 2;
    d = 1 / (a * d + b);
    c = b + a / c;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < PRECISION) break;
  }
  return 1 - front * fraction;
}

const HALVINGS = 200;

/** The x that a share of a gamma distribution of that shape and rate 1 lies below. */
export function gammaQuantile(shape: number, share: number): number {
  let [low, high] = [0, shape + 1];
  while (gammaBelow(shape, high) < share) high *= 2;
  for (let step = 0; step < HALVINGS && high - low > PRECISION * high; step++) {
    const middle = (low + high) / 2;
    if (gammaBelow(shape, middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Probability of at most k events where so many are expected (Poisson). */
export const poissonAtMost = (k: number, expected: number): number => 1 - gammaBelow(k + 1, expected);
