import type { DedicatedRegionInput } from "../stacks/values/regions";

const jp: DedicatedRegionInput = {
  name: "jp",
  platform: "dedicated",
  cidr: "10.10.0.0/16",
  ssh: { user: "root", privateKeyPath: "~/.ssh/id_ed25519" },
  servers: [
    {
      name: "jp-1",
      address: "10.10.0.11",
      hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOd4K+SXucP1xttUHzhgnBEB8z68djzF4DcsBmXaK0BB",
      roles: ["consul-server", "proxy"],
    },
    {
      name: "jp-2",
      address: "10.10.0.12",
      hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICFwzeAZwGpkYuqxIruMbZ9G45wssBnBnpjO238y9pkh",
      roles: ["consul-server", "proxy"],
    },
    {
      name: "jp-3",
      address: "10.10.0.13",
      hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBAssE/3NnH1qxCD78WBKSWTYwMlXnkgHm/o7uxv0s2H",
      roles: ["consul-server", "app"],
    },
  ],
  proxy: {
    allow: ["*.example.net"],
  },
  origins: {
    "api.example.com": { stack: "us", service: "web", warm: 2 },
  },
  availability: {
    targets: { "calls-to-other-clouds": { atLeast: 0.995 } },
  },
  consul: { version: "1.22.3" },
  dns: { forwarders: ["10.10.0.2", "10.10.0.3"] },
};

export default jp;
