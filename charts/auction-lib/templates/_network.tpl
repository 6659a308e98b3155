{{/* One policy a workload: who may call it and whom it may call, and nothing else. */}}
{{- define "auction-lib.networkPolicy" -}}
{{- $np := .global.networkPolicy -}}
{{- if $np.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "auction-lib.workloadName" . }}
  labels: {{- include "auction-lib.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "auction-lib.selectorLabels" . | nindent 6 }}
      app.kubernetes.io/component: {{ .name }}
  policyTypes: [Ingress, Egress]
  ingress: {{- include "auction-lib.ingress" . | default "[]" | nindent 4 }}
  egress: {{- include "auction-lib.egress" . | nindent 4 }}
{{ end -}}
{{- end -}}

{{- define "auction-lib.ingress" -}}
{{- $np := .global.networkPolicy -}}
{{- if .workload.public }}
- ports: [{ port: http }]
  from:
    {{- toYaml $np.gateway | nindent 4 }}
{{- end }}
{{- if eq .name "api" }}
{{- range $service := .services }}
{{- range $name, $caller := $service.workloads }}
{{- if and (ne $service.name $.spec.name) (has $.spec.name (include "auction-lib.called" $caller | fromJsonArray)) }}
- ports: [{ port: http }]
  from:
    - podSelector: { matchLabels: { app.kubernetes.io/name: {{ $service.name }}, app.kubernetes.io/component: {{ $name }}, app.kubernetes.io/instance: {{ $.root.Release.Name }} } }
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .workload.grpcPort $np.grpc }}
- ports: [{ port: grpc }]
  from: {{- toYaml $np.grpc | nindent 4 }}
{{- end }}
{{- if hasKey .spec.workloads .name }}
{{- $readers := list }}
{{- if .global.monitoring.enabled }}{{ $readers = concat $readers $np.monitoring }}{{ end }}
{{- if and .workload.forecast .global.keda.enabled }}{{ $readers = concat $readers $np.keda }}{{ end }}
{{- with $readers }}
- ports: [{ port: ops }]
  from: {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The services that a workload calls; identity too when it verifies access tokens by its keys. */}}
{{- define "auction-lib.called" -}}
{{- $called := .calls | default list -}}
{{- if has "verify" .settings -}}{{- $called = append $called "identity" | uniq -}}{{- end -}}
{{- toJson $called -}}
{{- end -}}

{{- define "auction-lib.egress" -}}
{{- $np := .global.networkPolicy -}}
- ports: [{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }]
  to: {{- toYaml $np.dns | nindent 4 }}
{{- if has "postgres" .workload.settings }}
- ports: [{ port: {{ .global.postgres.port }} }]
  to: {{- tpl (toYaml $np.postgres) (dict "service" .spec.name "Template" .root.Template) | nindent 4 }}
{{- end }}
{{- if or (has "broker" .workload.settings) (has "topology" .workload.settings) }}
- ports: [{ port: {{ (urlParse .global.rabbitmq.url).host | splitList ":" | last }} }]
  to: {{- toYaml $np.rabbitmq | nindent 4 }}
{{- end }}
{{- if and (has "images" .workload.settings) .root.Values.images.s3.bucket }}
- ports: [{ port: {{ include "auction-lib.portOf" .root.Values.images.s3.endpoint }} }]
  to: {{- toYaml .root.Values.images.s3.egress | nindent 4 }}
{{- end }}
{{- range include "auction-lib.called" .workload | fromJsonArray }}
- ports: [{ port: 8080 }]
  to:
    - podSelector: { matchLabels: { app.kubernetes.io/name: {{ . }}, app.kubernetes.io/component: api, app.kubernetes.io/instance: {{ $.root.Release.Name }} } }
{{- end }}
{{- if and .global.otlp.endpoint $np.otlp }}
- ports: [{ port: {{ (urlParse .global.otlp.endpoint).host | splitList ":" | last }} }]
  to: {{- toYaml $np.otlp | nindent 4 }}
{{- end }}
{{- with .root.Values.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The port of a URL that need not name it; the endpoint of a vendor, who has none, has TLS. */}}
{{- define "auction-lib.portOf" -}}
{{- $url := urlParse (. | default "https://s3") -}}
{{- $parts := splitList ":" $url.host -}}
{{- if gt (len $parts) 1 -}}{{ last $parts }}{{- else -}}{{ ternary 443 80 (eq $url.scheme "https") }}{{- end -}}
{{- end -}}
