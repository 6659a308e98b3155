import { readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { parseAllDocuments } from 'yaml'
import { createClient } from '#src/api-client.ts'
import type { KubeObject } from '#src/charts/objects.ts'
import { insist, join, sell } from '#src/people.ts'
import { openCluster } from './commands.ts'
import { deleteNamespace, installPlatform, makeNamespace, PLATFORM } from './installation.ts'
import { nodeContainer, POD_SECURITY, runStranger } from './pods.ts'
import { type Ground, underTraffic, untilMore, WORKLOADS } from './replacing.ts'

const COLLECTOR = fileURLToPath(new URL('../../../k8s/otel-collector.yaml', import.meta.url))
const NAME = 'otel-collector'
const PORT = 4318
const PATIENCE_MS = 60_000
const LOT_MS = 15_000

/** Says once of every pod that it has sent something. */
const RECEIVER = `const seen = new Set();
require('node:http').createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  for (const { resource } of JSON.parse(body).resourceSpans) {
    const values = Object.fromEntries(resource.attributes.map(({ key, value }) => [key, value.stringValue]));
    const pod = values['k8s.pod.name'];
    if (!seen.has(pod)) console.log('spans of ' + pod);
    seen.add(pod);
  }
  response.setHeader('content-type', 'application/json').end('{}');
}).listen(${PORT})`

const PROBE = `const socket = require('node:net').connect({ host: '${NAME}', port: ${PORT} });
const end = (answer) => { console.log(answer); process.exit(0) };
setTimeout(() => end('refused'), 5000);
socket.on('connect', () => end('let in'));
socket.on('error', () => end('refused'))`

export interface Tracing {
  /** Processes that sent spans, of those that there are. */
  senders: string[]
  silent: string[]
  isStrangerLetIn: boolean
}

/**
 * Spans reach a collector in a namespace of its own through the platform's policies and those of
 * k8s/otel-collector.yaml; a receiver of ours stands for the collector, which is not what is tried.
 */
export async function trace(ground: Ground): Promise<Tracing> {
  const { namespace } = ground.cluster
  const collector = openCluster(`${namespace}-observability`)
  await makeNamespace(collector)
  try {
    const text = await readFile(COLLECTOR, 'utf8')
    const documents = parseAllDocuments(text).map((document) => document.toJS() as KubeObject)
    const items = documents
      .filter(({ kind }) => ['Deployment', 'Service', 'NetworkPolicy'].includes(kind))
      .map((object) => standIn(object, collector.namespace, namespace))
    await collector.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    await collector.kubectl('rollout', 'status', `deployment/${NAME}`, '--timeout=60s')
    const selector = 'global.networkPolicy.otlp[0].namespaceSelector.matchLabels'
    await installPlatform(ground, [
      `--set=global.otlp.endpoint=http://${NAME}.${collector.namespace}:${PORT}`,
      '--set=global.otlp.sampleRatio=1',
      `--set=${selector}.kubernetes\\.io/metadata\\.name=${collector.namespace}`,
    ])
    let senders: string[] = []
    await underTraffic(ground, async ({ acceptedCount }) => {
      await untilMore(acceptedCount, 50)
      await sellAndCallOff(ground)
      const deadlineMs = performance.now() + PATIENCE_MS
      while (senders.length < WORKLOADS.length && performance.now() < deadlineMs) {
        senders = sendersIn(await collector.kubectl('logs', `deployment/${NAME}`))
        await wait(1_000)
      }
    })
    const all = WORKLOADS.map((workload) => workload.join('-'))
    const command = ['node', '-e', PROBE]
    const answer = await runStranger(collector, 'stranger', command)
    return {
      senders,
      silent: all.filter((workload) => !senders.includes(workload)),
      isStrangerLetIn: answer.includes('let in'),
    }
  } finally {
    await deleteNamespace(collector)
  }
}

/** Bids alone do not reach orders, payments and notices: a lot is sold, and both sides end its order. */
async function sellAndCallOff({ gateway }: Ground): Promise<void> {
  const client = createClient(gateway)
  try {
    const unique = `traced-${Date.now().toString(36)}`
    const seller = await join(client, 'Seller', `${unique}-seller`)
    const buyer = await join(client, 'Buyer', `${unique}-buyer`)
    const { id } = await sell(client, seller, {
      name: `lamp ${unique}`,
      startPrice: '1.00',
      durationMs: LOT_MS,
    })
    await insist(client, 'POST', `/api/v1/lots/${id}/bids`, {
      token: buyer.token,
      body: { maxAmount: '2.00' },
      headers: { 'idempotency-key': unique },
      accept: [201],
    })
    const read = async (path: string) =>
      (await insist(client, 'GET', path, { token: buyer.token, accept: [200] })).body
    const listed = async () => {
      const { orders } = (await read('/api/v1/orders')) as { orders: { id: string }[] }
      return orders[0]?.id
    }
    const orderId = await waitFor('the order of the lot', listed, PATIENCE_MS, 500)
    await read('/api/v1/notifications')
    await insist(client, 'GET', `/api/v1/payments/${orderId}`, {
      token: buyer.token,
      accept: [404],
    })
    for (const { token } of [seller, buyer]) {
      const path = `/api/v1/orders/${orderId}/cancellation-request`
      await insist(client, 'PUT', path, { token, accept: [200] })
    }
  } finally {
    client.close()
  }
}

/** The same object in other namespaces, with the receiver for the collector's program. */
function standIn(object: KubeObject, namespace: string, platform: string): KubeObject {
  const moved = JSON.parse(
    JSON.stringify({ ...object, metadata: { ...object.metadata, namespace } }).replaceAll(
      '"kubernetes.io/metadata.name":"auction"',
      `"kubernetes.io/metadata.name":"${platform}"`,
    ),
  )
  if (object.kind === 'Deployment') {
    const container = nodeContainer('collector', ['node', '-e', RECEIVER])
    const ports = [{ name: 'otlp-http', containerPort: PORT }]
    const readinessProbe = { tcpSocket: { port: PORT } }
    moved.spec.template.spec = {
      automountServiceAccountToken: false,
      securityContext: POD_SECURITY,
      containers: [{ ...container, ports, readinessProbe }],
    }
  }
  return moved
}

const sendersIn = (log: string) => {
  const pods = [...log.matchAll(new RegExp(`^spans of ${PLATFORM}-([a-z]+-[a-z]+)-`, 'gm'))]
  return [...new Set(pods.map(([, workload]) => workload ?? ''))]
}
