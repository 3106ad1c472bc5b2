import { SecretV1 } from "@cdktf/provider-kubernetes/lib/secret-v1";
import { Fn } from "cdktf";
import { Construct } from "constructs";
import { aclSettings } from "../dns/consul-config";
import {
  aclVariables,
  type ConsulAclSecrets,
  type ConsulTlsSecrets,
  gossipVariable,
  refuseLiterals,
  secretJson,
  tlsVariables,
} from "../dns/consul-secrets";
import { OWN_LABELS } from "./own-labels";

export interface ConsulSecretsProps {
  readonly namespace: string;
  readonly datacenter: string;
  /** The datacenter whose tokens hold for all federated ones. @default - this one */
  readonly primaryDatacenter?: string;
  readonly gossipKey?: string;
  readonly tls?: boolean | ConsulTlsSecrets;
  readonly acl?: boolean | ConsulAclSecrets;
  readonly aclDefaultPolicy?: "allow" | "deny";
}

/** One entry of a Secret. */
export interface SecretEntry {
  /** Name of the Secret. */
  readonly secretName: string;
  /** Name of the entry. */
  readonly secretKey: string;
}

/** What Consul's pods hold in secret, as Secrets of their namespace. Their values are expressions, never literals. */
export class ConsulSecrets extends Construct {
  readonly gossip: SecretEntry;
  /** The private authority, and the Secret with the servers' `tls.crt` and `tls.key`; undefined without TLS. */
  readonly tls?: { readonly authority: SecretEntry; readonly serverSecretName: string };
  /** PEM certificate of that authority, as an expression; undefined without TLS. */
  readonly caCertificate?: string;
  /** Undefined without access control. */
  readonly acl?: {
    /** A piece of the servers' configuration: the tokens they use. */
    readonly serverConfig: SecretEntry;
    readonly management: SecretEntry;
    readonly agent: SecretEntry;
    readonly dns: SecretEntry;
  };
  /**
   * A digest of what running processes do not take up by themselves, as an expression; undefined when there is
   * nothing of the kind. The gossip key is: servers keep theirs in a keyring.
   */
  readonly digest?: string;

  /** @throws Error naming those of the values that are literals */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ConsulSecretsProps,
  ) {
    super(scope, id);
    const gossipKey = props.gossipKey ?? gossipVariable(this);
    const tls = props.tls === true ? tlsVariables(this) : props.tls || undefined;
    const acl = props.acl === true ? aclVariables(this) : props.acl || undefined;
    refuseLiterals(props.datacenter, { gossipKey, ...tls, ...acl });
    this.gossip = this.secret("gossip", "consul-gossip-key", { key: gossipKey })("key");
    this.tls = tls && this.addTls(tls);
    this.caCertificate = tls?.caCertificate;
    this.acl = acl && this.addAcl(acl);
    if (tls ?? acl) this.digest = Fn.sha256(Fn.join("\n", Object.values({ ...tls, ...acl })));
  }

  private addTls({ caCertificate, serverCertificate, serverKey }: ConsulTlsSecrets) {
    const authority = this.secret("authority", "consul-authority", { "tls.crt": caCertificate });
    const server = this.secret("server-certificate", "consul-server-certificate", {
      "tls.crt": serverCertificate,
      "tls.key": serverKey,
    });
    return { authority: authority("tls.crt"), serverSecretName: server("tls.crt").secretName };
  }

  private addAcl({ managementToken, agentToken, dnsToken }: ConsulAclSecrets) {
    const { datacenter, primaryDatacenter, aclDefaultPolicy: defaultPolicy } = this.props;
    const isPrimary = (primaryDatacenter ?? datacenter) === datacenter;
    const settings = aclSettings({
      release: CHART_RELEASE,
      datacenter,
      primaryDatacenter,
      acl: {
        defaultPolicy,
        agentToken,
        defaultToken: dnsToken,
        managementToken: isPrimary ? managementToken : undefined,
        replicationToken: isPrimary ? undefined : managementToken,
      },
    });
    const config = this.secret("access-control", "consul-access-control", {
      "acl.json": secretJson({ acl: settings }),
    });
    const tokens = this.secret("tokens", "consul-tokens", {
      management: managementToken,
      agent: agentToken,
      dns: dnsToken,
    });
    return {
      serverConfig: config("acl.json"),
      management: tokens("management"),
      agent: tokens("agent"),
      dns: tokens("dns"),
    };
  }

  private secret(id: string, name: string, data: Record<string, string>): (key: string) => SecretEntry {
    const secret = new SecretV1(this, `${id}-secret`, {
      metadata: { name, namespace: this.props.namespace, labels: OWN_LABELS },
      data,
    });
    return (secretKey) => ({ secretName: secret.metadata.name, secretKey });
  }
}

/** The oldest Consul that the chart's releases carry. */
export const CHART_RELEASE = "1.22";
