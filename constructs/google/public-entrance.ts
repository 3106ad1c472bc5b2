import { CertificateManagerCertificate } from "@cdktf/provider-google/lib/certificate-manager-certificate";
import { CertificateManagerCertificateMap } from "@cdktf/provider-google/lib/certificate-manager-certificate-map";
import { CertificateManagerCertificateMapEntry } from "@cdktf/provider-google/lib/certificate-manager-certificate-map-entry";
import { CertificateManagerDnsAuthorization } from "@cdktf/provider-google/lib/certificate-manager-dns-authorization";
import { ComputeSslPolicy } from "@cdktf/provider-google/lib/compute-ssl-policy";
import { DataGoogleDnsKeys } from "@cdktf/provider-google/lib/data-google-dns-keys";
import { ComputeGlobalAddress } from "@cdktf/provider-google/lib/compute-global-address";
import { DnsManagedZone } from "@cdktf/provider-google/lib/dns-managed-zone";
import { DnsRecordSet } from "@cdktf/provider-google/lib/dns-record-set";
import { type ITerraformDependable, TerraformOutput } from "cdktf";
import { Construct } from "constructs";
import { type Block, type HasAvailability, series, slaComponent } from "../availability";
import { EdgePolicy } from "./edge-policy";

export interface PublicEntranceProps {
  /** Prefix of all names; unique in the project. */
  readonly name: string;
  /** Domain that Cloud DNS is to answer for, once the zone above delegates it: for example `uk.example.com`. */
  readonly zone: string;
  /** Host names that lead here, each the domain itself or below it. */
  readonly hosts: readonly string[];
  /**
   * Names in others' zones that lead here too, each with a certificate of its own. A record there must vouch for each:
   * `authorizations` says which.
   * @default - none
   */
  readonly otherHosts?: readonly string[];
  /** Requests a minute from one address, beyond which it is refused for a while. @default 600 */
  readonly requestsPerMinute?: number;
  /** What is done about requests that look like attacks; see `EdgePolicy`. @default "report" */
  readonly attacks?: "report" | "refuse";
  /** What must exist first, for example the APIs. @default - nothing */
  readonly dependsOn?: ITerraformDependable[];
}

/** Names by which the cluster's load balancer finds what belongs to it. */
export interface PublicEntranceNames {
  /** Name of the global address. */
  readonly addressName: string;
  /** Name of the map that holds the certificate. */
  readonly certificateMapName: string;
  /** Name of the policy that requests must pass. */
  readonly securityPolicyName: string;
  /** Name of the policy that says which TLS is spoken. */
  readonly sslPolicyName: string;
  /** Name of the certificate in the map. */
  readonly certificateName: string;
}

/** The CNAME record by which a zone lets Google's certificate for one of its names be made and renewed. */
export interface NameAuthorization {
  /** Name that the certificate is for. */
  readonly host: string;
  /** Name of the certificate in the map. */
  readonly certificateName: string;
  /** Name of the record, with a dot at its end. */
  readonly recordName: string;
  /** What it leads to. */
  readonly recordValue: string;
}

/**
 * What the internet finds of a region: a zone in Cloud DNS, a global address, a certificate that renews itself and
 * a policy of Cloud Armor. The load balancer itself is made by the cluster from a Gateway that names these.
 */
export class PublicEntrance extends Construct implements HasAvailability {
  /** What a Gateway names, known at synth. */
  readonly names: PublicEntranceNames;
  /** Names and load balancing, without what lies behind them. */
  readonly availability: Block;
  /** The global address. */
  readonly address: string;
  /** One for each of `otherHosts`. */
  readonly authorizations: readonly NameAuthorization[];

  /** @throws Error when a host is not in the domain */
  constructor(scope: Construct, id: string, props: PublicEntranceProps) {
    super(scope, id);
    const { name, zone: domain, hosts, dependsOn } = props;
    refuseForeignHosts(domain, hosts);
    const publicName = `${name}-public`;
    this.names = {
      addressName: publicName,
      certificateMapName: publicName,
      securityPolicyName: publicName,
      sslPolicyName: publicName,
      certificateName: publicName,
    };
    const zone = new DnsManagedZone(this, "zone", {
      name: `${name}-public`,
      dnsName: `${domain}.`,
      description: `Public names of ${name}`,
      dnssecConfig: { state: "on" },
      dependsOn,
    });
    new TerraformOutput(this, "name-servers", {
      description: `Name servers that the zone above ${domain} must delegate it to`,
      value: zone.nameServers,
    });
    new TerraformOutput(this, "ds-record", {
      description: `DS record by which the zone above ${domain} vouches for its signatures`,
      value: new DataGoogleDnsKeys(this, "keys", { managedZone: zone.id }).keySigningKeys.get(0).dsRecord,
    });
    const address = new ComputeGlobalAddress(this, "address", { name: this.names.addressName, dependsOn });
    new TerraformOutput(this, "public-address", {
      description: `Address that ${hosts.join(", ")} lead to`,
      value: address.address,
    });
    new ComputeSslPolicy(this, "ssl-policy", {
      name: this.names.sslPolicyName,
      profile: "MODERN",
      minTlsVersion: "TLS_1_2",
      dependsOn,
    });
    const record = (recordId: string, host: string, type: string, value: string) =>
      new DnsRecordSet(this, recordId, {
        managedZone: zone.name,
        name: host,
        type,
        ttl: 300,
        rrdatas: [value],
      });
    for (const host of hosts) record(`record-${host}`, `${host}.`, "A", address.address);
    this.address = address.address;
    const { map, authorization } = this.addCertificate(props);
    const { dnsResourceRecord } = authorization;
    record("authorization", dnsResourceRecord.get(0).name, "CNAME", dnsResourceRecord.get(0).data);
    this.authorizations = (props.otherHosts ?? []).map((host) => this.addOtherHost(host, map, props));
    new EdgePolicy(this, "policy", { ...props, name: this.names.securityPolicyName });
    this.availability = series(
      slaComponent("google/cloud-dns", "google.cloud-dns", {}),
      slaComponent("google/load-balancing", "google.load-balancing", { networkTier: "premium" }),
    );
  }

  /** Proven by a record in the zone instead of by an answer of the load balancer, so that it is there before it. */
  private addCertificate({ name, zone: domain, dependsOn }: PublicEntranceProps) {
    const authorization = new CertificateManagerDnsAuthorization(this, "dns-authorization", {
      name: `${name}-public`,
      domain,
      dependsOn,
    });
    const certificate = new CertificateManagerCertificate(this, "certificate", {
      name: this.names.certificateName,
      managed: { domains: [domain, `*.${domain}`], dnsAuthorizations: [authorization.id] },
    });
    const map = new CertificateManagerCertificateMap(this, "certificate-map", {
      name: this.names.certificateMapName,
      dependsOn,
    });
    new CertificateManagerCertificateMapEntry(this, "certificate-map-entry", {
      name: `${name}-public`,
      map: map.name,
      certificates: [certificate.id],
      matcher: "PRIMARY",
    });
    return { map, authorization };
  }

  /** Its own certificate: what the one of the domain is for cannot be changed without making it anew. */
  private addOtherHost(
    host: string,
    map: CertificateManagerCertificateMap,
    { name, dependsOn }: PublicEntranceProps,
  ): NameAuthorization {
    const certificateName = `${name}-${host.replaceAll(".", "-")}`;
    const authorization = new CertificateManagerDnsAuthorization(this, `dns-authorization-${host}`, {
      name: certificateName,
      domain: host,
      // The usual record, _acme-challenge.HOST, is where other regions show other authorities that the name is theirs.
      type: "PER_PROJECT_RECORD",
      dependsOn,
    });
    const certificate = new CertificateManagerCertificate(this, `certificate-${host}`, {
      name: certificateName,
      managed: { domains: [host], dnsAuthorizations: [authorization.id] },
    });
    new CertificateManagerCertificateMapEntry(this, `certificate-map-entry-${host}`, {
      name: certificateName,
      map: map.name,
      certificates: [certificate.id],
      hostname: host,
    });
    const record = authorization.dnsResourceRecord.get(0);
    return { host, certificateName, recordName: record.name, recordValue: record.data };
  }
}

function refuseForeignHosts(domain: string, hosts: readonly string[]): void {
  if (hosts.length === 0)
    throw new Error(`public entrance of ${domain}: expected at least one host, got: none`);
  // The certificate is for the domain and one label below it.
  const foreign = hosts.find(
    (host) =>
      host !== domain && !(host.endsWith(`.${domain}`) && !host.slice(0, -domain.length - 1).includes(".")),
  );
  if (foreign !== undefined) {
    throw new Error(
      `public entrance of ${domain}: each host must be the domain or one label below it, got: ${JSON.stringify(foreign)}`,
    );
  }
}
