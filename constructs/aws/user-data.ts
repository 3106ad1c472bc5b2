import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { Fn, Lazy, TerraformLocal, Tokenization } from "cdktf";
import { Construct } from "constructs";
import { asTemplate } from "../grammar/terraform-text";

/** EC2 takes this much before it is encoded in base64. */
export const USER_DATA_BYTES = 16 * 1024;

/**
 * As long as what an expression resolves to: names of resources, versions of what they hold. Like these it is nobody else's,
 * and of four bits a character, so that no more than half of it is compressed away.
 */
const standIn = (expression: string): string => createHash("sha512").update(expression).digest("hex");
/** Terraform compresses with another implementation than Node does; their results differ by a few bytes in a hundred. */
const COMPRESSION_MARGIN = 1.03;

/**
 * User data that is put together only when the stack is synthesised, when all that belongs on the machines is known.
 * Compressed, since profiles of several services would not fit otherwise.
 */
export class UserData extends Construct {
  /** Base64 of the compressed text, as an expression. */
  readonly encoded: string;

  /**
   * @param owner names the machines in the message when the text is too large
   * @param text called at synth
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly owner: string,
    private readonly text: () => string,
  ) {
    super(scope, id);
    const local = new TerraformLocal(
      this,
      "text",
      Lazy.stringValue({ produce: () => asTemplate(this.text()) }),
    );
    this.encoded = Fn.base64gzip(local.asString);
    this.node.addValidation({ validate: () => this.tooLarge() });
  }

  private tooLarge(): string[] {
    const text = this.text();
    const expressions = Tokenization.reverseString(text).tokens.map(String);
    const resolved = expressions.reduce((rest, one) => rest.replaceAll(one, standIn(one)), text);
    const bytes = Math.ceil(gzipSync(resolved).length * COMPRESSION_MARGIN);
    if (bytes <= USER_DATA_BYTES) return [];
    return [
      `user data of ${this.owner} must be at most ${USER_DATA_BYTES} bytes compressed, got: about ${bytes}; ` +
        "deliver what is large as assets, which go through S3",
    ];
  }
}
