import { readCommandLine, refuse } from '@auction/common/process/command-line.ts'

export const PHASES = [
  'images',
  'validate',
  'install',
  'test',
  'network',
  'traces',
  'gateway',
  'notices',
  'upgrade',
  'evict',
  'flap',
  'kill',
  'scale',
  'hpa',
  'restore',
  'reinstall',
] as const
export type Phase = (typeof PHASES)[number]

const HELP = `make cluster-test, or npm run cluster -w tests -- [OPTIONS] [PHASE…]

Installs the platform from nothing into the cluster that kubectl points at and tries it there.
The cluster needs Traefik, KEDA and an answer of Traefik at --gateway. Helm and kubectl are on PATH.

  --namespace NAME   made by the phase install, and then deleted at the end (auction-test)
  --gateway URL      where Traefik answers (https://localhost); with https a certificate of its own
                     is made with openssl, given to the platform and believed
  --tag TAG          images that are there already; without it they are built and loaded
  --from TAG         images of another version that the phase upgrade begins with (those of --tag)
  --from-charts DIR  the folder charts of that version (ours)
  --build COMMAND    builds one image ("docker build …"); {service}, {tag} and {image} are replaced
  --load COMMAND     brings {image} to the nodes, e.g. "kind load docker-image {image}"
  --host-address IP  where pods reach this machine, for its payment provider (that of the first node)
  --rate N           requests a second while pods are replaced (120)
  --flap-seconds N   between two changes of the numbers of pods in flap (10)
  --seed N           repeats the numbers of pods of a flap
  --keep             leaves everything installed

CLUSTER_BUILD and CLUSTER_LOAD in the environment do the same as the options.
Phases, in this order: ${PHASES.join(' ')}. With names only these run, on what is there already.`

export interface Settings {
  namespace: string
  gateway: string
  tag: string | undefined
  from: string | undefined
  fromCharts: string | undefined
  build: string
  load: string
  hostAddress: string | undefined
  rate: number
  flapSeconds: number
  seed: number | undefined
  keep: boolean
  phases: Phase[]
}

const BUILD =
  'docker build --quiet --file services/Dockerfile --build-arg SERVICE={service} --build-arg VERSION={tag} --tag {image} .'

/** What was asked for. Ends the process for --help and for a mistake. */
export function readSettings(args: string[], env: NodeJS.ProcessEnv): Settings {
  const { values, positionals } = readCommandLine({
    help: HELP,
    args,
    wordsMax: PHASES.length,
    options: {
      namespace: { type: 'string', default: 'auction-test' },
      gateway: { type: 'string', default: 'https://localhost' },
      tag: { type: 'string' },
      from: { type: 'string' },
      'from-charts': { type: 'string' },
      build: { type: 'string', default: env.CLUSTER_BUILD ?? BUILD },
      load: { type: 'string', default: env.CLUSTER_LOAD ?? '' },
      'host-address': { type: 'string' },
      rate: { type: 'string', default: '120' },
      'flap-seconds': { type: 'string', default: '10' },
      seed: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  })
  const phases = PHASES.filter((phase) => positionals.includes(phase))
  if (phases.length !== positionals.length) refuse(`The phases are ${PHASES.join(' ')}`)
  if (!(Number(values.rate) > 0)) refuse('--rate takes a number')
  if (!(Number(values['flap-seconds']) > 0)) refuse('--flap-seconds takes a number')
  if (values.seed !== undefined && !/^\d+$/.test(values.seed)) refuse('--seed takes a number')
  return {
    ...values,
    tag: values.tag ?? env.CLUSTER_TAG,
    from: values.from,
    fromCharts: values['from-charts'],
    hostAddress: values['host-address'],
    rate: Number(values.rate),
    flapSeconds: Number(values['flap-seconds']),
    seed: values.seed === undefined ? undefined : Number(values.seed),
    phases: phases.length === 0 ? [...PHASES] : phases,
  }
}
