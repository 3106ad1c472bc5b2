/** On every object that is made here. `tricloud recover` takes up nothing that does not carry it. */
export const OWN_LABELS: Readonly<Record<string, string>> = { "app.kubernetes.io/part-of": "tricloud" };

/** What the objects and the pods of one workload are known by. */
export const labelsOf = (name: string): Readonly<Record<string, string>> => ({
  "app.kubernetes.io/name": name,
  ...OWN_LABELS,
});
