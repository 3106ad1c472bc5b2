import type { AptSource } from "../host";

/**
 * HashiCorp's archive for Debian 13, for its package `consul` alone. Its key was replaced on 2026-09-10; the
 * fingerprints are those that HashiCorp publishes for package signing at https://www.hashicorp.com/trust/security.
 */
export const HASHICORP_APT_SOURCE: AptSource = {
  name: "hashicorp",
  uri: "https://apt.releases.hashicorp.com",
  suite: "trixie",
  components: ["main"],
  keyUrl: "https://apt.releases.hashicorp.com/gpg",
  keyFingerprint: ["798AEC654E5C15428C8E42EEAA16FCBCA621E701", "D55C0D1AC78A8D8126CB631CFC9CA96ACA026560"],
  onlyPackages: ["consul"],
};
