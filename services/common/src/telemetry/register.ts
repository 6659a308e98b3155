/**
 * Preloaded with `node --import @auction/common/telemetry/register.ts`. Starts the OpenTelemetry SDK only
 * when an OTLP endpoint is configured, so a process without one does not even load it.
 */
import { setSampleRatio } from './tracing.ts'

// This file runs before cmd/ and therefore reads the environment itself: the names are the
// OpenTelemetry standard's, apart from the ratio's shorter alias.
const endpoint = process.env.OTEL_EXPORTER_OTLP_ENDPOINT

let stop: () => Promise<void> = async () => {}

if (endpoint !== undefined && endpoint !== '') stop = await start(endpoint)

/**
 * What traces call this process; SERVICE_NAME is the original's setting. No constant: the SDK was
 * started above, before any constant here has its value.
 */
export function serviceNameOf(env: NodeJS.ProcessEnv): string {
  return env.OTEL_SERVICE_NAME ?? env.SERVICE_NAME ?? 'auction'
}

async function start(url: string): Promise<() => Promise<void>> {
  const [{ NodeSDK }, { OTLPTraceExporter }, { resourceFromAttributes }, { BatchSpanProcessor }] =
    await Promise.all([
      import('@opentelemetry/sdk-node'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace'),
    ])
  const ratio = Number(process.env.OTEL_TRACES_SAMPLE_RATIO ?? '0.01')
  if (!(ratio >= 0 && ratio <= 1)) throw new Error('OTEL_TRACES_SAMPLE_RATIO must be from 0 to 1')
  const exporter = new OTLPTraceExporter({ url: `${url.replace(/\/$/, '')}/v1/traces` })
  const sdk = new NodeSDK({
    resource: resourceFromAttributes({
      'service.name': serviceNameOf(process.env),
    }),
    // Sampling is decided in tracing.ts before a span exists, so every span made is exported.
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: 1_000 })],
    instrumentations: [],
  })
  sdk.start()
  setSampleRatio(ratio)
  return () => sdk.shutdown()
}

/** Sends what is still buffered. Called last at shutdown. */
export async function stopTelemetry(): Promise<void> {
  await stop()
}
