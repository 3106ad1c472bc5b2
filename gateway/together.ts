import { QuotaBook, type QuotaGrant, type QuotaQuestion } from "./limits/quota-book";
import { KeyBook, type KeysAnswer, type KeysQuestion } from "./tokens/key-book";

/** What a worker asks of what all workers of a gateway have together. */
export type TogetherQuestion = { readonly quota: QuotaQuestion } | { readonly keys: KeysQuestion };

/** What all workers of a gateway have together: kept by their supervisor, or by a gateway that serves alone. */
export class Together {
  private readonly quotas = new QuotaBook();
  private readonly keys = new KeyBook();

  answer(question: TogetherQuestion): QuotaGrant | Promise<KeysAnswer> {
    return "quota" in question ? this.quotas.grant(question.quota) : this.keys.answer(question.keys);
  }
}
