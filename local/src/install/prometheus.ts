import { ensureSystemPackage, onPath } from './system-package.ts'

/** The server, and the tool that runs the unit tests of its rules. */
export interface PrometheusPrograms {
  prometheus: string
  promtool: string
}

/** Finds Prometheus for the tests of dashboards and alerts, or installs it. */
export function ensurePrometheus(log: (line: string) => void): PrometheusPrograms {
  const ensure = (program: string) =>
    ensureSystemPackage({
      title: 'Prometheus',
      apt: 'prometheus',
      brew: 'prometheus',
      find: () => onPath(program),
      log,
    })
  return { prometheus: ensure('prometheus'), promtool: ensure('promtool') }
}
