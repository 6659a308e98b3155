import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'

export interface Asset {
  type: string
  content: Buffer
  etag: string
}

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

const folder = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const digest = (content: Buffer) => createHash('sha256').update(content).digest('base64url')

/** What pages load, by name. Modules in TypeScript lose their types here, once, and need no build. */
export const ASSETS: ReadonlyMap<string, Asset> = new Map(
  [...plainFiles(), ...clientModules()].map(([name, content]) => {
    const type = TYPES[name.split('.').at(-1) ?? '']
    if (type === undefined) throw new Error(`${name} has no content type`)
    return [name, { type, content, etag: `"${digest(content).slice(0, 22)}"` }]
  }),
)

/** Of all of them: modules import each other, so they change address together. */
export const ASSETS_VERSION = digest(
  Buffer.from([...ASSETS].map(([name, { etag }]) => `${name} ${etag}`).join('\n')),
).slice(0, 12)

/** Where a page finds one. */
export const assetPath = (name: string): string => `/assets/${ASSETS_VERSION}/${name}`

function plainFiles(): [string, Buffer][] {
  const root = folder('assets')
  return readdirSync(root)
    .sort()
    .map((name) => [name, readFileSync(`${root}/${name}`)])
}

function clientModules(): [string, Buffer][] {
  const root = folder('client')
  return readdirSync(root)
    .sort()
    .map((name) => {
      const plain = stripTypeScriptTypes(readFileSync(`${root}/${name}`, 'utf8'))
        .replaceAll(/( from '\.\/[\w-]+)\.ts'/g, "$1.js'")
        // Where types were, the stripper leaves spaces, so that lines and columns stay.
        .replaceAll(/[ \t]+$/gm, '')
      return [name.replace(/\.ts$/, '.js'), Buffer.from(plain)]
    })
}
