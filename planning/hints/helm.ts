import { type ProviderHints } from "./hints";

/** From the provider's documentation. */
export const HELM_HINTS: ProviderHints = {
  helm_release: {
    sensitive: ["repository_password", "set_sensitive.value"],
    replace: ["name", "namespace"],
  },
};
