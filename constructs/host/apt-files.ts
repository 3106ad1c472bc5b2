import { type AptSource, type HostFile, type HostProfile, textContent } from "./host-profile";
import { packageFields } from "./package-version";

/** Where an apt source's signing key lies on the host. */
export const aptKeyPath = (source: AptSource): string => `/etc/apt/keyrings/tricloud-${source.name}.asc`;

/**
 * All files that apt reads on a host with that profile.
 *
 * @throws Error when a source could not be verified, or a version is none
 */
export const profileAptFiles = ({ aptSources, packages }: HostProfile): HostFile[] => [
  ...versionsFile(packages),
  ...aptSources.flatMap(aptFiles),
];

/**
 * The files that make apt use `source`: its deb822 entry, its key when the value holds one, and the preferences
 * that keep the host from taking anything but `onlyPackages` from it.
 *
 * @throws Error when the source could not be verified: neither key, keyUrl with fingerprint, nor trusted is given
 *   together with an archive of its own.
 */
export function aptFiles(source: AptSource): HostFile[] {
  if (source.keyUrl !== undefined && (source.keyFingerprint ?? []).length === 0) {
    throw new Error(
      `apt source ${source.name}: keyUrl needs keyFingerprint, got: keyUrl ${source.keyUrl} alone`,
    );
  }
  return [...keyFile(source), sourceFile(source), ...preferencesFile(source)];
}

function keyFile(source: AptSource): HostFile[] {
  return source.key === undefined ? [] : [{ path: aptKeyPath(source), content: textContent(source.key) }];
}

function sourceFile(source: AptSource): HostFile {
  const signed = source.key !== undefined || source.keyUrl !== undefined;
  const lines = [
    "Types: deb",
    `URIs: ${source.uri}`,
    `Suites: ${source.suite}`,
    ...(source.components.length > 0 ? [`Components: ${source.components.join(" ")}`] : []),
    ...(signed ? [`Signed-By: ${aptKeyPath(source)}`] : []),
    ...(source.trusted === true ? ["Trusted: yes"] : []),
  ];
  return {
    path: `/etc/apt/sources.list.d/tricloud-${source.name}.sources`,
    content: textContent(`${lines.join("\n")}\n`),
  };
}

/**
 * Keeps an upgrade by others from moving what the profile wants in one version. It goes before all of a source's own
 * preferences: of those that fit, apt takes the first.
 */
function versionsFile(packages: readonly string[]): HostFile[] {
  const pins = packages.map(packageFields).flatMap(({ name, version }) =>
    version === undefined
      ? []
      : // As is, and upstream's version in whichever package.
        [version, `${version}-*`, `${version}+*`].map(
          (each) => `Package: ${name}\nPin: version ${each}\nPin-Priority: 990\n`,
        ),
  );
  if (pins.length === 0) return [];
  return [{ path: "/etc/apt/preferences.d/00-tricloud-versions", content: textContent(pins.join("\n")) }];
}

function preferencesFile(source: AptSource): HostFile[] {
  if (source.onlyPackages === undefined) return [];
  const origin = new URL(source.uri).hostname;
  const pin = (packages: string, priority: number) =>
    `Package: ${packages}\nPin: origin "${origin}"\nPin-Priority: ${priority}\n`;
  return [
    {
      path: `/etc/apt/preferences.d/tricloud-${source.name}`,
      content: textContent(`${pin(source.onlyPackages.join(" "), 500)}\n${pin("*", -1)}`),
    },
  ];
}
