import { latin1 } from "../latin1";

/** Bits of each byte's code, by value, and last of the end mark's (RFC 7541 appendix B). */
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
  28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
  8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
  13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
  28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
  22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
  22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
  25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const END_MARK = 256;
/** Bits of the shortest code: no text is longer than its code by more than 8 over this. */
const SHORTEST = 5;
const TREE = codeTree();

/** The text that `bytes[from..to)` are the code of (RFC 7541 section 5.2), or undefined when they are none. */
export function huffmanText(bytes: Buffer, from: number, to: number): string | undefined {
  const text = Buffer.allocUnsafe(Math.floor(((to - from) * 8) / SHORTEST));
  let length = 0;
  let node = 0;
  let pending = 0;
  let ones = true;
  for (let i = from; i < to; i++) {
    for (let bit = 7; bit >= 0; bit--) {
      const one = (bytes[i]! >> bit) & 1;
      pending++;
      ones &&= one === 1;
      node = TREE[node * 2 + one]!;
      if (node >= 0) continue;
      const symbol = ~node;
      if (symbol === END_MARK) return undefined;
      text[length++] = symbol;
      node = pending = 0;
      ones = true;
    }
  }
  // What fills the last byte is the beginning of the end mark: ones, and fewer than eight.
  return pending < 8 && ones ? latin1(text, 0, length) : undefined;
}

/** Two entries for each node, by the next bit: the node to go on at, or `~symbol`. */
function codeTree(): Int16Array {
  const tree = new Int16Array(2 * END_MARK);
  let nodes = 1;
  let code = 0;
  let length = 0;
  // The code is canonical: in the order of length, then of value, each code is the last one plus one.
  const symbols = LENGTHS.map((_, symbol) => symbol).sort((a, b) => LENGTHS[a]! - LENGTHS[b]! || a - b);
  for (const symbol of symbols) {
    code *= 2 ** (LENGTHS[symbol]! - length);
    length = LENGTHS[symbol]!;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const at = node * 2 + ((code >> bit) & 1);
      if (tree[at] === 0) tree[at] = nodes++;
      node = tree[at]!;
    }
    tree[node * 2 + (code & 1)] = ~symbol;
    code++;
  }
  return tree;
}
