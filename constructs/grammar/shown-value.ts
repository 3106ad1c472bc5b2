const SHOWN_CHARACTERS = 120;

/** What stands in a message for a value that looks like a secret. */
const NOT_SHOWN = "(what looks like a secret, and is not shown)";

/**
 * A value as messages show it: as it would be written in JSON, cut where it is long. What looks like a secret is never
 * shown, wherever in the value it is: people paste one into the wrong field, and messages end in logs.
 *
 * @param field name of the field it was given for
 */
export function shownValue(value: unknown, field = ""): string {
  if (value === undefined) return "nothing";
  if (holdsSecret(value, field)) return NOT_SHOWN;
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}

/** Public keys and certificates, whose fields have names like those of secrets. */
const PUBLIC =
  /^(ssh-\w+|ecdsa-sha2-\w+|sk-\S+) |^-----BEGIN (CERTIFICATE|PGP PUBLIC KEY BLOCK|(RSA )?PUBLIC KEY)-----/;
/** Of fields that hold secrets, and none of those that name where one is kept. */
const SECRET_NAME = /(secret|token|password|passphrase|credential|private_?key|gossip_?key|encrypt)s?$/i;

function holdsSecret(value: unknown, field: string): boolean {
  if (typeof value === "string")
    return looksSecret(value) || (SECRET_NAME.test(field) && !PUBLIC.test(value));
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([name, one]) => holdsSecret(one, Array.isArray(value) ? field : name));
}

/** Whether a text has the form of a secret: a private key, a token, random bytes in base64. */
export function looksSecret(text: string): boolean {
  if (text.includes("PRIVATE KEY")) return true;
  if (PUBLIC.test(text)) return false;
  // Consul's tokens, wherever in the text; AWS names its keys alike.
  if (!text.startsWith("arn:") && /\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/i.test(text)) return true;
  return text.split(/[\s"',:;]+/).some((word) => RANDOM.every((part) => part.test(word)));
}

/** Words of 20 characters or more with letters of both cases and digits are nobody's names. */
const RANDOM = [/^[\w+/=-]{20,}$/, /[a-z]/, /[A-Z]/, /\d/];
