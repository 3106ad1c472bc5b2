import { canonical, type PathPattern } from "./path-pattern";

/** What a table of routes has to know of a route. */
export interface Routable {
  /** In lower case; `*.example.com` for all below; none for any. */
  readonly hosts: readonly string[];
  readonly path: PathPattern;
  /** None for any. */
  readonly methods: readonly string[];
  /** Fields that a request has to have: with this value, with any (true), or not at all (false). */
  readonly headers: Readonly<Record<string, string | boolean>>;
}

/** What a table has to know of a request. */
export interface Asked {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  /** As it came. */
  readonly host: string;
  fieldValue(name: string): string | undefined;
}

/** Hosts whose trees are remembered; beyond it all are forgotten, since clients choose them. */
const MAX_HOSTS = 4096;

/** Routes by host and path: the cost of a look-up is that of the path's segments, however many routes there are. */
export class RouteTable<R extends Routable> {
  private readonly exact = new Map<string, PathNode<R>>();
  private readonly below = new Map<string, PathNode<R>>();
  private readonly any = new PathNode<R>();
  private readonly treesByHost = new Map<string, readonly PathNode<R>[]>();

  constructor(routes: readonly R[]) {
    for (const route of routes) {
      if (route.hosts.length === 0) this.any.add(route);
      for (const host of route.hosts) {
        const trees = host.startsWith("*.") ? this.below : this.exact;
        const name = host.startsWith("*.") ? host.slice(2) : host;
        let tree = trees.get(name);
        if (tree === undefined) trees.set(name, (tree = new PathNode()));
        tree.add(route);
      }
    }
  }

  /**
   * The route that takes a request. A host's own routes come before those of `*.` and of any host; a text in a path
   * before a variable, and that before `**`; on one path the route that asks for more.
   */
  find(asked: Asked): R | undefined {
    const { path } = asked;
    if (path.charCodeAt(0) !== 0x2f) return undefined;
    for (const tree of this.treesFor(asked.host)) {
      const route = find(tree, path, 1, asked);
      if (route !== undefined) return route;
    }
    return undefined;
  }

  private treesFor(host: string): readonly PathNode<R>[] {
    const known = this.treesByHost.get(host);
    if (known !== undefined) return known;
    const name = host.replace(/:\d*$/, "").toLowerCase();
    const trees: PathNode<R>[] = [];
    const own = this.exact.get(name);
    if (own !== undefined) trees.push(own);
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const tree = this.below.get(name.slice(dot + 1));
      if (tree !== undefined) trees.push(tree);
    }
    trees.push(this.any);
    if (this.treesByHost.size >= MAX_HOSTS) this.treesByHost.clear();
    this.treesByHost.set(host, trees);
    return trees;
  }
}

/** What is known of all paths that begin with the same segments. */
class PathNode<R extends Routable> {
  readonly byText = new Map<string, PathNode<R>>();
  byVariable: PathNode<R> | undefined;
  /** Routes whose path ends here, and those that take all that follows; who asks for more comes first. */
  readonly ending: R[] = [];
  readonly open: R[] = [];

  add(route: R): void {
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    let node: PathNode<R> = this;
    for (const segment of route.path.segments) {
      let next = "text" in segment ? node.byText.get(segment.text) : node.byVariable;
      if (next === undefined) {
        next = new PathNode();
        if ("text" in segment) node.byText.set(segment.text, next);
        else node.byVariable = next;
      }
      node = next;
    }
    const routes = route.path.open ? node.open : node.ending;
    routes.push(route);
    routes.sort((a, b) => demands(b) - demands(a));
  }
}

function demands({ methods, headers }: Routable): number {
  return 2 * Object.keys(headers).length + (methods.length > 0 ? 1 : 0);
}

/** @param at where the path's next segment begins, which is beyond its end where there is none */
function find<R extends Routable>(node: PathNode<R>, path: string, at: number, asked: Asked): R | undefined {
  if (at > path.length) return taking(node.ending, asked) ?? taking(node.open, asked);
  const slash = path.indexOf("/", at);
  const end = slash < 0 ? path.length : slash;
  const next = node.byText.get(canonical(path.slice(at, end)));
  let route = next === undefined ? undefined : find(next, path, end + 1, asked);
  if (route === undefined && node.byVariable !== undefined && end > at)
    route = find(node.byVariable, path, end + 1, asked);
  return route ?? taking(node.open, asked);
}

function taking<R extends Routable>(routes: readonly R[], asked: Asked): R | undefined {
  for (const route of routes) if (takes(route, asked)) return route;
  return undefined;
}

function takes({ methods, headers }: Routable, asked: Asked): boolean {
  if (methods.length > 0 && !methods.includes(asked.method)) return false;
  for (const name in headers) {
    const wanted = headers[name]!;
    const value = asked.fieldValue(name);
    if (typeof wanted === "boolean" ? (value !== undefined) !== wanted : value !== wanted) return false;
  }
  return true;
}
