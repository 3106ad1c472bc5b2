/** Kinds of text in a picture: sizes in pixels. */
export const TEXTS = {
  title: { size: 18, bold: true },
  name: { size: 13, bold: true },
  small: { size: 12, bold: false },
} as const;

export type TextKind = keyof typeof TEXTS;

/*
 * Advances of DejaVu Sans, the widest of the fonts that browsers take for `sans-serif`, rounded up, as parts of the
 * size. In a narrower font a text ends earlier than this.
 */
const THIN = { characters: " !'()*,-./:;I[]`fijlrt|", width: 0.42 };
const WIDE = { characters: "#&+<=>ABCDGHKNOQRUVXY^w~\u2192", width: 0.84 };
const USUAL_WIDTH = 0.64;
const WIDEST = 1;
const BOLD = 1.13;

const advance = (character: string): number => {
  if (THIN.characters.includes(character)) return THIN.width;
  if (WIDE.characters.includes(character)) return WIDE.width;
  return /[\w"$?\\{}]/.test(character) && !"MW%@m".includes(character) ? USUAL_WIDTH : WIDEST;
};

/** How wide a text is at the most, in pixels. */
export function textWidth(text: string, kind: TextKind): number {
  const { size, bold } = TEXTS[kind];
  return [...text].reduce((sum, character) => sum + advance(character), 0) * size * (bold ? BOLD : 1);
}

/** A text in lines that are no wider than that: broken between words, and within one that is wider by itself. */
export function wrapped(text: string, kind: TextKind, width: number): string[] {
  const fits = (line: string): boolean => textWidth(line, kind) <= width;
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((each) => parts(each, fits))) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (fits(longer)) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = word;
  }
  return [...lines, line];
}

/** A word in parts that fit, each as long as can be. */
function parts(word: string, fits: (text: string) => boolean): string[] {
  const found: string[] = [];
  let part = "";
  for (const character of word) {
    if (part !== "" && !fits(part + character)) {
      found.push(part);
      part = "";
    }
    part += character;
  }
  return [...found, part];
}
