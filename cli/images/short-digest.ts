/** As much of a digest as tells two apart. */
export const shortDigest = (digest: string): string => digest.replace(/^sha256:/, "").slice(0, 12);
