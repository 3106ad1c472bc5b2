import { requireInstalled } from "../installed-packages";

requireInstalled("tricloud/google", [
  "@cdktf/provider-google",
  "@cdktf/provider-helm",
  "@cdktf/provider-kubernetes",
]);
