import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { DATABASES, SERVICE_NAMES, SERVICES, type Service } from '@auction/local/service-list.ts'
import { parse } from 'yaml'
import { schemaOf, valuesOf, writeJson } from './service-values.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const OBSERVABILITY = 'charts/auction-observability/files'

/** A file whose content follows from charts/services.yaml; its path is below the root. */
export interface GeneratedFile {
  readonly path: string
  readonly content: string
}

/** A link that follows from charts/services.yaml. */
export interface GeneratedLink {
  readonly path: string
  readonly target: string
}

/** Every file that cannot read charts/services.yaml and is therefore written from it. */
export async function generatedFiles(): Promise<GeneratedFile[]> {
  const files = [
    { path: 'skaffold.yaml', content: fillRegions(await read('skaffold.yaml'), skaffoldRegions()) },
    {
      path: 'services/Dockerfile',
      // A glob would need COPY --parents, which buildah does not know.
      content: fillRegions(await read('services/Dockerfile'), {
        'manifests of services': SERVICE_NAMES.map(
          (name) => `COPY services/${name}/package.json services/${name}/`,
        ),
      }),
    },
    await alertCases(),
    ...(await platformFiles()),
    ...(await Promise.all(SERVICES.map(chartFiles))).flat(),
  ]
  for (const folder of ['rules', 'dashboards']) {
    for (const name of await readdir(`${ROOT}${OBSERVABILITY}/${folder}`)) {
      const path = `${OBSERVABILITY}/${folder}/${name}`
      files.push({ path, content: withNames(await read(path)) })
    }
  }
  return files
}

export function generatedLinks(): GeneratedLink[] {
  return [
    { path: 'charts/auction-data/services.yaml', target: '../services.yaml' },
    ...SERVICE_NAMES.flatMap((name) => [
      { path: `charts/${name}/services.yaml`, target: '../services.yaml' },
      { path: `charts/${name}/charts/auction-lib`, target: '../../auction-lib' },
      { path: `charts/auction-platform/charts/${name}`, target: `../../${name}` },
    ]),
  ]
}

/** The content of a generated file as it is now; undefined when it is missing. */
export function currentContent({ path }: GeneratedFile): string | undefined {
  return existsSync(`${ROOT}${path}`) ? readFileSync(`${ROOT}${path}`, 'utf8') : undefined
}

/** Where a generated link leads now; undefined when it is missing. */
export function currentTarget({ path }: GeneratedLink): string | undefined {
  try {
    return readlinkSync(`${ROOT}${path}`)
  } catch {
    return undefined
  }
}

export const pathOf = ({ path }: { readonly path: string }) => `${ROOT}${path}`

const read = (path: string) => readFile(`${ROOT}${path}`, 'utf8')

async function chartFiles(service: Service): Promise<GeneratedFile[]> {
  const { name, description } = service
  const folder = `charts/${name}`
  const platform = parse(await read('charts/auction-platform/Chart.yaml')) as Record<string, string>
  const files = [
    {
      path: `${folder}/Chart.yaml`,
      content: `# Written by \`npm run golden -w tests\` from charts/services.yaml; versions are those of auction-platform.
apiVersion: v2
name: ${name}
description: ${description}
type: application
version: ${platform.version}
appVersion: "${platform.appVersion}"
kubeVersion: "${platform.kubeVersion}"
dependencies:
  - { name: auction-lib, version: ${platform.version}, repository: "file://../auction-lib" }
`,
    },
    {
      path: `${folder}/templates/${name}.yaml`,
      content: '{{- include "auction-lib.service" . -}}\n',
    },
    { path: `${folder}/values.yaml`, content: await valuesOf(service) },
    { path: `${folder}/values.schema.json`, content: await schemaOf(service) },
  ]
  // Its tables are written by the command that writes those of every chart.
  if (!existsSync(`${ROOT}${folder}/README.md`))
    files.push({ path: `${folder}/README.md`, content: `# ${name}\n\n${description}.\n` })
  return files
}

/** One alert fires for every service that does not report its outbox, so its case needs all of them. */
async function alertCases(): Promise<GeneratedFile> {
  const path = 'charts/auction-observability/tests/messaging.yaml'
  const others = DATABASES.filter((name) => name !== 'bid')
  const regions = {
    'workers that stay': others.flatMap((name) => [
      `- series: outbox_unsent_rows{namespace="auction",service="${name}",pod="${name}-worker-0"}`,
      "  values: '0x40'",
    ]),
  }
  return { path, content: fillRegions(await read(path), regions) }
}

async function platformFiles(): Promise<GeneratedFile[]> {
  const folder = 'charts/auction-platform'
  const schema = JSON.parse(await read(`${folder}/values.schema.json`))
  // What the umbrella says of a service is checked by the schema of the service's chart.
  const own = Object.entries(schema.properties).filter(
    ([, value]) => JSON.stringify(value) !== '{"type":"object"}',
  )
  const services = SERVICE_NAMES.map((name) => [name, { type: 'object' }])
  schema.properties = Object.fromEntries([...own, ...services])
  const version = (parse(await read(`${folder}/Chart.yaml`)) as { version: string }).version
  return [
    {
      path: `${folder}/Chart.yaml`,
      content: fillRegions(await read(`${folder}/Chart.yaml`), {
        dependencies: SERVICE_NAMES.map(
          (name) =>
            `- { name: ${name}, version: ${version}, repository: "file://../${name}", condition: ${name}.enabled }`,
        ),
      }),
    },
    {
      path: `${folder}/values.yaml`,
      content: fillRegions(await read(`${folder}/values.yaml`), {
        services: SERVICE_NAMES.map((name) => `${name}: { enabled: true }`),
      }),
    },
    { path: `${folder}/values.schema.json`, content: writeJson(schema) },
  ]
}

function skaffoldRegions(): Record<string, string[]> {
  const sync = (name: string) => [
    '  sync:',
    `    manual: [*common-sources, { src: "services/${name}/src/**/*.ts", dest: /app }]`,
    '    hooks: *restart',
  ]
  return {
    'artifacts of docker': SERVICE_NAMES.flatMap((name) => [
      `- image: auction/${name}`,
      `  docker: { dockerfile: services/Dockerfile, buildArgs: { SERVICE: ${name}, OWNER: "10001" } }`,
      ...sync(name),
    ]),
    'images of the release': SERVICE_NAMES.flatMap((name) => {
      const variable = `auction_${name.replaceAll('-', '_')}`
      return [
        `${name}.image.repository: "{{.IMAGE_REPO_${variable}}}"`,
        `${name}.image.tag: "{{.IMAGE_TAG_${variable}}}"`,
      ]
    }),
    'artifacts of buildah': SERVICE_NAMES.flatMap((name) => [
      `- image: auction/${name}`,
      '  custom:',
      `    buildCommand: sh k8s/build-with-buildah.sh ${name}`,
      `    dependencies: { paths: [package-lock.json, services/Dockerfile, services/common, services/${name}] }`,
      ...sync(name),
    ]),
  }
}

const BEGIN = 'written by `npm run golden -w tests`'

/**
 * Replaces the lines between `# NAME: written by …` and `# end of NAME`, at the indent of the marker;
 * throws when a region is missing.
 */
export function fillRegions(text: string, regions: Readonly<Record<string, string[]>>): string {
  let filled = text
  for (const [name, lines] of Object.entries(regions)) {
    const region = new RegExp(`^( *)# ${name}: ${BEGIN}\\n[^]*?^ *# end of ${name}$`, 'm')
    if (!region.test(filled)) throw new Error(`there is no region "${name}"`)
    filled = filled.replace(region, (_, indent: string) =>
      [`# ${name}: ${BEGIN}`, ...lines, `# end of ${name}`]
        .map((line) => `${indent}${line}`)
        .join('\n'),
    )
  }
  return filled
}

/** Rules and dashboards name all services, or all that write events, in these two ways. */
export function withNames(text: string): string {
  const [first] = SERVICE_NAMES
  return text
    .replaceAll(new RegExp(`\\b${first}(\\|[a-z-]+)+`, 'g'), SERVICE_NAMES.join('|'))
    .replaceAll(
      /absent\(outbox_unsent_rows\{service="[a-z-]+"\}\)(\n *or absent\(outbox_unsent_rows\{service="[a-z-]+"\}\))+/g,
      (whole) => {
        const indent = /\n( *)or/.exec(whole)?.[1] ?? ''
        const names = DATABASES.toSorted()
        return names
          .map((name) => `absent(outbox_unsent_rows{service="${name}"})`)
          .join(`\n${indent}or `)
      },
    )
}
