import { AcmCertificate } from "@cdktf/provider-aws/lib/acm-certificate";
import { AcmCertificateValidation } from "@cdktf/provider-aws/lib/acm-certificate-validation";
import { Route53Record } from "@cdktf/provider-aws/lib/route53-record";
import { Construct } from "constructs";
import type { DnsZone } from "./dns-zone";

export interface TlsCertificateProps {
  /** Host name that the certificate is for. */
  readonly domain: string;
  /** Public zone that the name is in: a record there proves that it is ours. */
  readonly zone: DnsZone;
}

/** A certificate that ACM issues and renews by itself. */
export class TlsCertificate extends Construct {
  /** Known once the certificate has been issued. */
  readonly certificateArn: string;

  constructor(scope: Construct, id: string, { domain, zone }: TlsCertificateProps) {
    super(scope, id);
    const certificate = new AcmCertificate(this, "certificate", {
      domainName: domain,
      validationMethod: "DNS",
      keyAlgorithm: "EC_prime256v1",
      tags: { Name: domain },
      lifecycle: { createBeforeDestroy: true },
    });
    // One name, so one proof is asked for.
    const proof = certificate.domainValidationOptions.get(0);
    const record = new Route53Record(this, "proof", {
      zoneId: zone.zoneId,
      name: proof.resourceRecordName,
      type: proof.resourceRecordType,
      records: [proof.resourceRecordValue],
      ttl: 300,
      allowOverwrite: true,
    });
    this.certificateArn = new AcmCertificateValidation(this, "issued", {
      certificateArn: certificate.arn,
      validationRecordFqdns: [record.fqdn],
    }).certificateArn;
  }
}
