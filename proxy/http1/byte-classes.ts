/** Byte values and classes of the HTTP/1 grammar (RFC 9110 section 5, RFC 9112). */

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

function table(accepts: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (accepts(byte) ? 1 : 0));
}

const TOKEN_PUNCTUATION = "!#$%&'*+-.^_`|~";

/** `tchar`: what methods and field names are made of. */
export const TOKEN = table((byte) => {
  const char = String.fromCharCode(byte);
  return /[0-9A-Za-z]/.test(char) || TOKEN_PUNCTUATION.includes(char);
});

/** `field-vchar`, space and tab: everything a field value may hold. NUL, CR, LF, DEL and other controls are out. */
export const FIELD = table((byte) => byte === TAB || (byte >= SPACE && byte !== 0x7f));

/** A request target: visible ASCII without `#` (a fragment never travels). */
export const TARGET = table((byte) => byte > SPACE && byte < 0x7f && byte !== 0x23);

/** Value of a hexadecimal digit, 255 for any other byte. */
export const HEX = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? 255 : value;
});

/** True when the bytes from `start` spell `lower` (lower-case letters and hyphens), in any case. */
export function spells(bytes: Uint8Array, start: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    if ((bytes[start + i]! | 0x20) !== lower.charCodeAt(i)) return false;
  }
  return true;
}
