/** What was answered, by the question's name: several where several may be given. */
export type Answers = Readonly<Record<string, readonly string[]>>;

/** One thing to know of a region. */
export interface Question {
  /** Of the option that answers it: `name` for `--name`. */
  readonly name: string;
  readonly asks: string;
  readonly example: string;
  /** Where in a region value the answer comes to stand: what is wrong there is wrong with the answer. */
  readonly path: string;
  /** Takes several, separated by spaces or by giving the option again. */
  readonly isMany?: boolean;
  /** What most answer. @default - there is no such answer */
  readonly usual?: (answers: Answers) => readonly string[];
}

export const PLATFORMS = ["dedicated", "ec2", "gke"] as const;
export type Platform = (typeof PLATFORMS)[number];

export const PLATFORM: Question = {
  name: "platform",
  asks: `platform: ${PLATFORMS.join(", ")}`,
  example: "dedicated",
  path: "platform",
};

const SHARED: readonly Question[] = [
  { name: "name", asks: "name of the region", example: "jp", path: "name" },
  { name: "cidr", asks: "its private network", example: "10.10.0.0/16", path: "cidr" },
  {
    name: "origin",
    asks: "hosts in other clouds that its proxies may call",
    example: "api.example.com",
    path: "proxy.allow",
    isMany: true,
  },
];

/** Zones a, b and c: the first three of most regions. */
const zonesOf =
  (region: string, separator: string) =>
  (answers: Answers): string[] =>
    (answers[region] ?? []).flatMap((name) => ["a", "b", "c"].map((zone) => `${name}${separator}${zone}`));

export const QUESTIONS: Readonly<Record<Platform, readonly Question[]>> = {
  dedicated: [
    ...SHARED,
    {
      name: "forwarder",
      asks: "resolvers for public names",
      example: "10.10.0.2",
      path: "dns.forwarders",
      isMany: true,
    },
    {
      name: "server",
      asks: "servers, three or more, NAME=ADDRESS each",
      example: "jp-1=10.10.0.11",
      path: "servers",
      isMany: true,
    },
    {
      name: "host-key",
      asks: 'their SSH host keys in the same order, as "ssh-keyscan -t ed25519 ADDRESS" prints them',
      example: "ssh-ed25519 AAAA...",
      path: "servers",
      isMany: true,
    },
  ],
  ec2: [
    ...SHARED,
    { name: "aws-region", asks: "AWS region", example: "us-east-1", path: "awsRegion" },
    {
      name: "zone",
      asks: "availability zones",
      example: "us-east-1a",
      path: "availabilityZones",
      isMany: true,
      usual: zonesOf("aws-region", ""),
    },
    {
      name: "image",
      asks: "image of Debian 13: its name, or the id of one",
      example: "debian-13-amd64-20251117-2299",
      path: "image",
    },
  ],
  gke: [
    ...SHARED,
    { name: "project", asks: "Google Cloud project", example: "example-uk", path: "project" },
    { name: "gcp-region", asks: "Google Cloud region", example: "europe-west2", path: "gcpRegion" },
    {
      name: "zone",
      asks: "zones",
      example: "europe-west2-a",
      path: "zones",
      isMany: true,
      usual: zonesOf("gcp-region", "-"),
    },
  ],
};

/** Every option that answers a question, once. */
export const OPTIONS: ReadonlyMap<string, Question> = new Map(
  [PLATFORM, ...PLATFORMS.flatMap((platform) => QUESTIONS[platform])].map((one) => [one.name, one]),
);

/** An answer typed in one line. A host key has spaces of its own. */
export function answersIn(line: string, { name, isMany = false }: Question): string[] {
  if (line.trim() === "") return [];
  if (!isMany) return [line.trim()];
  return name === "host-key" ? line.trim().split(/\s+(?=ssh-|ecdsa-|sk-)/) : line.trim().split(/[\s,]+/);
}
