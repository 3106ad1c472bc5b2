import { AcmCertificate } from "@cdktf/provider-aws/lib/acm-certificate";
import { AcmCertificateValidation } from "@cdktf/provider-aws/lib/acm-certificate-validation";
import { Route53Record } from "@cdktf/provider-aws/lib/route53-record";
import { Construct } from "constructs";
import type { DnsZone } from "./dns-zone";

export interface TlsCertificateProps {
  /** Host name that the certificate is for. */
  readonly domain: string;
  /** Further host names that it is for. @default - none */
  readonly otherDomains?: readonly string[];
  /** Public zone that the names are in: a record there for each proves that they are ours. */
  readonly zone: DnsZone;
}

/** A certificate that ACM issues and renews by itself. */
export class TlsCertificate extends Construct {
  /** Known once the certificate has been issued. */
  readonly certificateArn: string;

  constructor(scope: Construct, id: string, { domain, otherDomains = [], zone }: TlsCertificateProps) {
    super(scope, id);
    const certificate = new AcmCertificate(this, "certificate", {
      domainName: domain,
      subjectAlternativeNames: otherDomains.length === 0 ? undefined : [...otherDomains],
      validationMethod: "DNS",
      keyAlgorithm: "EC_prime256v1",
      tags: { Name: domain },
      lifecycle: { createBeforeDestroy: true },
    });
    // Whichever proof is asked for which name, there is one for each.
    const records = [domain, ...otherDomains].map((_, index) => {
      const proof = certificate.domainValidationOptions.get(index);
      return new Route53Record(this, index === 0 ? "proof" : `proof-${index + 1}`, {
        zoneId: zone.zoneId,
        name: proof.resourceRecordName,
        type: proof.resourceRecordType,
        records: [proof.resourceRecordValue],
        ttl: 300,
        allowOverwrite: true,
      });
    });
    this.certificateArn = new AcmCertificateValidation(this, "issued", {
      certificateArn: certificate.arn,
      validationRecordFqdns: records.map(({ fqdn }) => fqdn),
    }).certificateArn;
  }
}
