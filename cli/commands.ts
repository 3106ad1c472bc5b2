/** What one word after `tricloud` does. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Reads what the app writes about the stacks: the app runs first, unless only help is asked for. */
  readonly needsAssessment?: boolean;
  /** @returns the exit code. Throws Error for wrong arguments or files. */
  readonly run: (args: readonly string[]) => number | Promise<number>;
}

/** Each is loaded when it is called: planning alone takes longer to load than the others to run. */
export const COMMANDS: readonly Command[] = [
  {
    name: "init",
    summary: "begins a region of one's own, and a project for it",
    run: async (args) => (await import("./init")).main(args),
  },
  {
    name: "secrets",
    summary: "makes what Consul keeps secret, once, and renews its certificates",
    run: async (args) => (await import("./secrets")).main(args),
  },
  {
    name: "synth",
    summary: "Terraform's configuration of every stack, from the region values",
    run: async (args) => (await import("./synth")).main(args),
  },
  {
    name: "plan",
    summary: "Terraform's plan of the synthesised stacks, without cloud, credentials or network",
    run: async (args) => (await import("./plan")).main(args),
  },
  {
    name: "availability",
    summary: "what each service can promise, what costs it most, what changed",
    needsAssessment: true,
    run: async (args) => (await import("../constructs/availability/cli")).run(args, process.stdout),
  },
  {
    name: "topology",
    summary: "what is deployed where, and which name leads where",
    needsAssessment: true,
    run: async (args) => (await import("./topology")).main(args, process.stdout),
  },
  {
    name: "drift",
    summary: "what on dedicated servers is not as a deploy has left it, or would leave it today",
    run: async (args) => (await import("./drift")).main(args),
  },
  {
    name: "versions",
    summary:
      "which newer images and versions there are than the regions' values pin, and the lines to put there",
    run: async (args) => (await import("./versions")).main(args),
  },
  {
    name: "push",
    summary: "copies a service's image to the registry of every region that runs it, and prints its digest",
    run: async (args) => (await import("./push")).main(args),
  },
  {
    name: "services",
    summary: "which version of each service runs where in a region, and whether it is healthy",
    run: async (args) => (await import("./services")).main(args),
  },
  {
    name: "run",
    summary: "runs a task of a service now, in one region, and shows what it prints",
    run: async (args) => (await import("./run")).main(args),
  },
  {
    name: "upstreams",
    summary: "the origins of a region's groups as each proxy sees them, and why one is not asked",
    run: async (args) => (await import("./upstreams")).main(args),
  },
  {
    name: "drain",
    summary: "has every proxy of a region ask an origin nothing any more",
    run: async (args) => (await import("./drain")).main("drain", args),
  },
  {
    name: "undrain",
    summary: "lets a drained origin back",
    run: async (args) => (await import("./drain")).main("undrain", args),
  },
  {
    name: "openings",
    summary: "which addresses and ports must be open between federated regions",
    run: async (args) => {
      const [{ main }, { regionsDirectory }] = await Promise.all([
        import("./openings"),
        import("./regions-directory"),
      ]);
      return main(args, (text) => void process.stdout.write(text), regionsDirectory());
    },
  },
  {
    name: "recover",
    summary: "clears up on a cluster after a deploy that was cut short, so that the next one goes on",
    run: async (args) => (await import("./recover")).main(args),
  },
];
