// look-up.cjs TIMES SERVER NAME...: asks SERVER TIMES times in a row for each name's IPv4 address and says as JSON, for
// each name, how often which answer came.
const dns = require("node:dns");

const [times, server, ...names] = process.argv.slice(2);
const resolver = new dns.promises.Resolver({ timeout: 2000, tries: 3 });
resolver.setServers([server]);

async function main() {
  const answers = {};
  await Promise.all(
    names.map(async (name) => {
      const counts = {};
      for (let time = 0; time < Number(times); time++) {
        const addresses = await resolver.resolve4(name).catch((error) => [error.code]);
        const answer = addresses.sort().join(" ");
        counts[answer] = (counts[answer] ?? 0) + 1;
      }
      answers[name] = counts;
    }),
  );
  console.log(JSON.stringify(answers));
}

void main();
