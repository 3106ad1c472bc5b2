/**
 * An nginx configuration with `http` as what its http block says. All of its files are in `prefix`, and it stays one
 * process in the foreground, so that ending it by its pid ends all of it.
 */
export function nginxConf(prefix: string, http: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${prefix}/${kind};`,
  );
  return `daemon off;
master_process off;
pid ${prefix}/nginx.pid;
error_log ${prefix}/error.log;
events { worker_connections 4096; }
http {
${temporary.join("\n")}
${http}
}
`;
}
