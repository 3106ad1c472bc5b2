import { App, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { DedicatedServer, LocalResolver, textContent } from "tricloud";

const PAGE = "<!doctype html><title>Hello</title><p>Kept by Tricloud\n";
const SITE = "server { listen 80 default_server; root /srv/hello; }\n";

/** One Debian server that you can reach over SSH, with a web server and a resolver that survives its upstreams. */
export class OneServerStack extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const server = new DedicatedServer(this, "web-1", {
      name: "web-1",
      address: "192.0.2.10",
      // ssh-keyscan -t ed25519 192.0.2.10, compared with what the machine itself says
      hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOd4K+SXucP1xttUHzhgnBEB8z68djzF4DcsBmXaK0BB",
      site: "my-provider",
      ssh: { user: "root", port: 22, privateKeyPath: "~/.ssh/id_ed25519", connectTimeoutSeconds: 60 },
    });
    server.addToProfile({
      packages: ["nginx-light", "curl"],
      files: [
        { path: "/etc/nginx/sites-enabled/default", content: textContent(SITE) },
        { path: "/srv/hello/index.html", content: textContent(PAGE) },
      ],
      services: [
        {
          name: "nginx.service",
          reads: ["/etc/nginx/sites-enabled/default"],
          reload: "nginx -t && systemctl reload nginx",
          health: { command: "curl -fsS -m 2 http://127.0.0.1/" },
        },
      ],
    });
    new LocalResolver(this, "resolver", { hosts: [server], forwarders: ["9.9.9.9", "149.112.112.112"] });
  }
}

if (require.main === module) {
  const app = new App();
  new OneServerStack(app, "one-server");
  app.synth();
}
