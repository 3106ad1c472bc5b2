import { AWS_HINTS } from "./aws";
import { GOOGLE_HINTS } from "./google";
import { HELM_HINTS } from "./helm";
import { type ProviderHints } from "./hints";
import { KUBERNETES_HINTS } from "./kubernetes";

/** Hints by provider name. */
export const HINTS: Readonly<Record<string, ProviderHints>> = {
  aws: AWS_HINTS,
  google: GOOGLE_HINTS,
  helm: HELM_HINTS,
  kubernetes: KUBERNETES_HINTS,
};
