import type { AptSource } from "../host";

/**
 * HashiCorp's archive for Debian 13, for its package `consul` alone. The key's fingerprint is the one HashiCorp
 * publishes for package signing at https://www.hashicorp.com/trust/security (in use since January 2023).
 */
export const HASHICORP_APT_SOURCE: AptSource = {
  name: "hashicorp",
  uri: "https://apt.releases.hashicorp.com",
  suite: "trixie",
  components: ["main"],
  keyUrl: "https://apt.releases.hashicorp.com/gpg",
  keyFingerprint: "798AEC654E5C15428C8E42EEAA16FCBCA621E701",
  onlyPackages: ["consul"],
};
