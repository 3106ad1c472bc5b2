/** The field lines of a head but for those whose name, in lower case, `without` fits; the start line is none of them. */
export function fieldLines(head: string, without: RegExp): string {
  let kept = "";
  for (let at = head.indexOf("\r\n") + 2; at < head.length - 2;) {
    const end = head.indexOf("\r\n", at) + 2;
    const name = head.slice(at, head.indexOf(":", at)).toLowerCase();
    if (!without.test(name)) kept += head.slice(at, end);
    at = end;
  }
  return kept;
}
