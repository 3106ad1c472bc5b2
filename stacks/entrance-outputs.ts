/** What the stacks of regions put out for the one of public names. */
export const ENTRANCE_OUTPUTS = {
  ec2: { address: "entrance_address", zoneId: "entrance_zone_id" },
  gke: { address: "entrance_address" },
} as const;

/** The record by which Google may make a certificate for that host name. */
export const authorizationOutputs = (host: string) => {
  const label = host.replaceAll(".", "_");
  return { name: `certificate_record_of_${label}`, value: `certificate_record_value_of_${label}` };
};
