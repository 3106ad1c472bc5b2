/** What can stand for a machine in an SSH configuration. */
export const SSH_ADDRESS = /^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$/;
export const SSH_USER = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
/** A path that an SSH configuration can hold in quotes, and that is no Terraform expression. */
// eslint-disable-next-line no-control-regex
export const SSH_KEY_PATH = /^(?!.*[$%]\{)[^"\x00-\x1f]+$/;

/** Kinds of host keys, and how many fields follow the kind in a key's binary form. */
const FIELDS: Readonly<Record<string, number>> = {
  "ssh-ed25519": 1,
  "ecdsa-sha2-nistp256": 2,
  "ecdsa-sha2-nistp384": 2,
  "ecdsa-sha2-nistp521": 2,
  "ssh-rsa": 2,
};

/** Why `key` is no SSH public host key, `TYPE BASE64` with or without a comment; undefined when it is one. */
export function sshHostKeyProblem(key: string): string | undefined {
  const [type = "", base64 = ""] = key.split(" ");
  const count = FIELDS[type];
  if (count === undefined) return `expected one of ${Object.keys(FIELDS).join(", ")} before its first space`;
  if (/[\r\n]/.test(key)) return "expected one line, as ssh-keyscan prints it";
  const blob = Buffer.from(base64, "base64");
  if (base64 === "" || blob.toString("base64") !== base64) return "expected base64 after its first space";
  const fields = fieldsOf(blob);
  if (fields?.[0]?.toString("latin1") !== type) return `expected base64 of a key of type ${type}`;
  const whole = fields.length === count + 1 && (type !== "ssh-ed25519" || fields[1]?.length === 32);
  return whole ? undefined : "expected the whole key: its base64 is cut short or has too much";
}

/** The key without its comment: what two spellings of one key have in common. */
export const withoutComment = (key: string): string => key.split(" ").slice(0, 2).join(" ");

/** Fields of a key's binary form, each with its length before it; undefined where a length goes past the end. */
function fieldsOf(blob: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  for (let at = 0; at < blob.length;) {
    if (at + 4 > blob.length) return undefined;
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return undefined;
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return fields;
}
