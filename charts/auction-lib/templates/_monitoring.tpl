{{- define "auction-lib.podMonitor" -}}
{{- $monitoring := .global.monitoring -}}
{{- if $monitoring.enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ include "auction-lib.fullname" . }}
  labels:
    {{- include "auction-lib.labels" . | nindent 4 }}
    {{- with $monitoring.labels }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  jobLabel: app.kubernetes.io/name
  podTargetLabels: [app.kubernetes.io/component]
  selector:
    matchLabels: {{- include "auction-lib.selectorLabels" . | nindent 6 }}
    matchExpressions:
      - { key: app.kubernetes.io/component, operator: In, values: {{ keys .spec.workloads | sortAlpha | toJson }} }
  podMetricsEndpoints:
    - port: ops
      path: /metrics
      interval: {{ $monitoring.interval }}
      {{- /* The service's own label "service" keeps its name. */}}
      honorLabels: true
{{ end -}}
{{- end -}}
