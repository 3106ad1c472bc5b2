import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { App, TerraformOutput, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { AggregationProxy } from "tricloud";
import {
  AssetBucket,
  debianImage,
  DnsZone,
  InternalLoadBalancer,
  Network,
  SecretStore,
  ServerGroup,
} from "tricloud/aws";

/** Aggregation proxies for applications that run in a VPC already, which need nothing but the names. */
export class ProxyOnlyStack extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    new AwsProvider(this, "aws", { region: "us-west-2" });
    const network = Network.fromAttributes(this, "network", {
      vpcId: "vpc-0a1b2c3d4e5f60718",
      cidr: "172.31.0.0/16",
      awsRegion: "us-west-2",
      zones: [
        { name: "us-west-2a", privateSubnetId: "subnet-0a1b2c3d4e5f60711" },
        { name: "us-west-2b", privateSubnetId: "subnet-0a1b2c3d4e5f60712" },
      ],
    });
    const proxies = new ServerGroup(this, "proxies", {
      name: "proxies",
      network,
      assets: new AssetBucket(this, "assets", { namePrefix: "proxy-files-" }),
      secrets: new SecretStore(this, "secrets", { namePrefix: "proxies" }),
      imageId: debianImage(this, "image", "debian-13-amd64-20251117-2299"),
    });
    const proxy = new AggregationProxy(this, "proxy", { hosts: [proxies], allow: ["api.example.com"] });

    const entrance = new InternalLoadBalancer(this, "entrance", { name: "proxies", network });
    entrance.forward({ to: proxies, port: proxy.port });
    // http://api.example.com.ccnproxy-https/ then works on every machine of the VPC as it is.
    const suffix = "ccnproxy-https";
    DnsZone.private(this, "suffix", suffix, network).addAlias(`*.${suffix}`, entrance);
    new TerraformOutput(this, "try", { value: `curl http://api.example.com.${suffix}/` });
  }
}

if (require.main === module) {
  const app = new App();
  new ProxyOnlyStack(app, "proxy-only");
  app.synth();
}
