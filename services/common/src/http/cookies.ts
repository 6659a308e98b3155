/**
 * The space of HTTP alone. trim() also removes U+00A0, which is part of the name for a browser:
 * another host could set a cookie of such a name, because it has no `__Host-` prefix there.
 */
const OUTER_SPACE = /^[ \t]+|[ \t]+$/g

/**
 * The values that a Cookie header has under a name. Where there are two, one may be of another
 * program on the host, and it is unknown which.
 */
export function cookiesOf(header: string | undefined, name: string): string[] {
  return (header ?? '')
    .split(';')
    .map((pair) => pair.replace(OUTER_SPACE, ''))
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
}
