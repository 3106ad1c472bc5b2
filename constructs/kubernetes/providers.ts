import { requireInstalled } from "../installed-packages";

requireInstalled("tricloud/kubernetes", ["@cdktf/provider-kubernetes", "@cdktf/provider-helm"]);
