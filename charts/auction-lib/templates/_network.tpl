{{/*
One policy a workload: who may call it and whom it may call, and nothing else. Those of Jobs are hooks before them:
an upgrade runs the Jobs before it touches the release, and a service that is new, or calls another service now, would be
held back by the policies of the version before.
*/}}
{{- define "auction-lib.networkPolicy" -}}
{{- $np := .global.networkPolicy -}}
{{- $isJob := not (hasKey .spec.workloads .name) -}}
{{- if $np.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- /* Not the name it had while it was no hook, or the upgrade would delete it as gone from the release. */}}
  name: {{ include "auction-lib.workloadName" . }}{{ if $isJob }}-hook{{ end }}
  labels: {{- include "auction-lib.labels" . | nindent 4 }}
  {{- if $isJob }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "-1"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  {{- end }}
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
{{- if and (has "smtp" .workload.settings) .root.Values.smtp.host }}
- ports: [{ port: {{ .root.Values.smtp.port }} }]
  to: {{- toYaml .root.Values.smtp.egress | nindent 4 }}
{{- end }}
{{- if .workload.outside }}
{{- /* Encrypted by the rule for addresses of users (R-HOOK-1), which takes these ports. */}}
- ports: [{ port: 443 }, { port: 1024, endPort: 65535 }]
  to: {{- toYaml $np.outside | nindent 4 }}
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
