const DIRECTIVES = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self'",
  'connect-src': "'self'",
  'form-action': "'self'",
  'base-uri': "'none'",
  'frame-ancestors': "'none'",
  // No script of ours makes markup out of text, and so none that gets in can.
  'require-trusted-types-for': "'script'",
  'trusted-types': "'none'",
}

/** Names what a page may do besides, such as `{ 'img-src': "'self' data:" }`. */
export const pagePolicy = (changes: Partial<typeof DIRECTIVES> = {}): string =>
  Object.entries({ ...DIRECTIVES, ...changes })
    .map(([name, value]) => `${name} ${value}`)
    .join('; ')

/** Of every page: nothing inline, nothing from elsewhere, and no other page may frame it. */
export const PAGE_POLICY = pagePolicy()
