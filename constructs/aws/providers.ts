import { requireInstalled } from "../installed-packages";

requireInstalled("tricloud/aws", ["@cdktf/provider-aws"]);
