import { randomBytes } from "node:crypto";

const DIGITS = "0123456789abcdefghijklmnopqrstuv";
const PER_SECOND = 32 ** 5;

/**
 * Makes ids that sort by time: 7 digits of seconds, 8 of randomness for this process, 5 of a counter, all base 32
 * (20 characters, as long as chocon's xid). The counter starts anew each second.
 */
export class RequestIds {
  private readonly process = [...randomBytes(8)].map((byte) => DIGITS[byte & 31]).join("");
  private second = 0;
  private prefix = "";
  private counter = 0;

  next(): string {
    const second = Math.floor(Date.now() / 1000);
    if (second > this.second || this.counter >= PER_SECOND) {
      // Never backwards, even when the system's clock is: order matters more than the exact second.
      this.second = Math.max(second, this.second + 1);
      this.prefix = base32(this.second, 7) + this.process;
      this.counter = 0;
    }
    return this.prefix + base32(this.counter++, 5);
  }
}

function base32(value: number, width: number): string {
  let out = "";
  for (let i = 0; i < width; i++) {
    out = DIGITS[value % 32]! + out;
    value = Math.floor(value / 32);
  }
  return out;
}
