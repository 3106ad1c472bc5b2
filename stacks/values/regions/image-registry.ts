import { z } from "zod";
import { PEM_CERTIFICATES } from "../../../constructs/grammar/pem";

/** Where services' images come from, for hosts that run containers themselves. */
export const imageRegistry = z.strictObject({
  /** What stands in front of the names of services' repositories: `registry.example.com:5000/shop`. */
  address: z.string().regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/, {
    error: "expected a registry such as registry.example.com:5000/shop, without scheme",
  }),
  /** PEM certificate of an authority that is trusted for it besides the public ones. */
  caCertificate: z.string().regex(PEM_CERTIFICATES, { error: "expected a PEM certificate" }).optional(),
  /** Whether it lets nobody in without the sensitive Terraform variable `registry_credentials`. */
  credentials: z.boolean().default(false),
});
