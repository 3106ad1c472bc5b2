import { gunzipSync } from "node:zlib";
import { shellWord } from "../../constructs/grammar/shell-word";

/**
 * Characters of each stream's pack: Systems Manager keeps the first 24,000 of what a program prints, and of what it prints
 * last nothing.
 */
const MOST = { out: 19_000, err: 4_000 };

/**
 * A program that prints what another bash program has printed, compressed, both of its streams, and ends as that has. Of
 * more than there is room for it is the end. Whatever that was, a tenth of it goes through at the least.
 */
export const packedProgram = (program: string): string => `#!/bin/bash
dir=$(mktemp -d) || exit 125
trap 'rm -rf "$dir"' EXIT
bash -c ${shellWord(program)} >"$dir/out" 2>"$dir/err" </dev/null
code=$?
for name in out err; do
  all=$(stat -c %s "$dir/$name") bytes=$all most=${MOST.out}
  [[ $name == out ]] || most=${MOST.err}
  while packed=$(tail -c "$bytes" "$dir/$name" | gzip -9 | base64 -w 0) && ((\${#packed} > most)); do
    bytes=$((bytes * 3 / 4))
  done
  echo "$name $((all - bytes)) $packed"
done
exit "$code"
`;

/** What a program has printed. */
export interface Unpacked {
  readonly stdout: string;
  readonly stderr: string;
  /** Bytes of the beginning of standard output that are left out. */
  readonly leftOut: number;
}

/** Reads what such a program has printed. @returns undefined where that is something else */
export function unpacked(printed: string): Unpacked | undefined {
  const streams = new Map(
    [...printed.matchAll(/^(out|err) (\d+) (\S+)$/gm)].map(([, name, leftOut, packed]) => [
      name!,
      { leftOut: Number(leftOut), text: textOf(packed!) },
    ]),
  );
  const [out, err] = [streams.get("out"), streams.get("err")];
  return out?.text === undefined || err?.text === undefined
    ? undefined
    : {
        stdout: wholeLines(out.text, out.leftOut),
        stderr: wholeLines(err.text, err.leftOut),
        leftOut: out.leftOut,
      };
}

function textOf(packed: string): string | undefined {
  try {
    return gunzipSync(Buffer.from(packed, "base64")).toString("utf8");
  } catch {
    return undefined;
  }
}

/** What begins within a line, or a character, begins with the next line. */
const wholeLines = (text: string, leftOut: number): string =>
  leftOut === 0 || !text.includes("\n") ? text : text.slice(text.indexOf("\n") + 1);
