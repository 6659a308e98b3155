/**
 * Whether the caller has what this entity tag names, by the header `If-None-Match`: one tag or several, each as it was
 * given or marked as weak by a proxy that compressed the answer, or `*` for whatever there is.
 */
export function hasEntityTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  const tags = header.split(',').map((tag) => tag.trim())
  return tags.some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag)
}
