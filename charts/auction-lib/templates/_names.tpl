{{/*
Everything below takes a dict: root (the chart's context), services (all of services.yaml), spec (the
chart's own entry in it), global (merged).
*/}}

{{- define "auction-lib.service" -}}
{{- $services := (.Files.Get "services.yaml" | fromYaml).services -}}
{{- $spec := dict -}}
{{- range $services -}}{{- if eq .name $.Chart.Name -}}{{- $spec = . -}}{{- end -}}{{- end -}}
{{- if not $spec -}}{{- fail (printf "charts/services.yaml has no service %s" .Chart.Name) -}}{{- end -}}
{{- $c := dict "root" . "services" $services "spec" $spec "global" (include "auction-lib.global" . | fromYaml) -}}
{{- include "auction-lib.serviceAccount" $c -}}
{{- range $name, $workload := $spec.workloads -}}
{{- $values := index $.Values.workloads $name -}}
{{- $w := merge (dict "name" $name "workload" $workload "values" $values) $c -}}
{{- include "auction-lib.deployment" $w -}}
{{- include "auction-lib.kubeService" $w -}}
{{- include "auction-lib.opsService" $w -}}
{{- include "auction-lib.hpa" $w -}}
{{- include "auction-lib.scaledObject" $w -}}
{{- include "auction-lib.pdb" $w -}}
{{- include "auction-lib.networkPolicy" $w -}}
{{- end -}}
{{- range $name, $job := $spec.jobs -}}
{{- $j := merge (dict "name" $name "workload" $job "values" $.Values.jobs) $c -}}
{{- include "auction-lib.job" $j -}}
{{- include "auction-lib.networkPolicy" $j -}}
{{- end -}}
{{- include "auction-lib.podMonitor" $c -}}
{{- end -}}

{{/* What a chart that is installed alone assumes of the rest; the umbrella's values say the same. */}}
{{- define "auction-lib.global" -}}
{{- $defaults := dict
  "image" (dict "registry" "" "tag" "" "pullSecrets" list)
  "publicUrl" "http://localhost"
  "logLevel" "info"
  "trustedProxies" (list "10.0.0.0/8" "172.16.0.0/12" "192.168.0.0/16" "100.64.0.0/10" "fd00::/8")
  "postgres" (dict "host" "auction-data-postgres-%s" "port" 5432 "sslmode" "disable" "existingSecret" "auction-data-postgres-%s")
  "rabbitmq" (dict "url" "amqp://auction-data-rabbitmq:5672/auction" "managementUrl" "http://auction-data-rabbitmq:15672/auction" "existingSecret" "auction-data-rabbitmq-%s")
  "secrets" (dict "internal" "auction-internal" "identity" "auction-identity" "notification" "auction-notification" "order" "auction-order")
  "otlp" (dict "endpoint" "" "sampleRatio" 0.01)
  "caBundle" (dict "configMap" "" "key" "ca.crt")
  "monitoring" (dict "enabled" false "labels" dict "interval" "30s")
  "keda" (dict "enabled" false)
  "dev" (dict "enabled" false)
  "networkPolicy" (include "auction-lib.peers" . | fromYaml)
-}}
{{- mergeOverwrite $defaults (deepCopy (.Values.global | default dict)) | toYaml -}}
{{- end -}}

{{/* Peers as the umbrella has them; a policy without any would let every pod through. */}}
{{- define "auction-lib.peers" -}}
enabled: true
gateway:
  - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: traefik } }
    podSelector: { matchLabels: { app.kubernetes.io/name: traefik } }
grpc: []
monitoring:
  - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: monitoring } }
keda:
  - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: keda } }
dns:
  - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: kube-system } }
postgres:
  - podSelector: { matchLabels: { auction-platform/database: "{{ "{{ .service }}" }}" } }
rabbitmq:
  - podSelector: { matchLabels: { auction-platform/broker: rabbitmq } }
otlp:
  - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: observability } }
outside:
  - ipBlock:
      cidr: 0.0.0.0/0
      except: [0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 168.63.129.16/32, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, 192.0.2.0/24, 192.31.196.0/24, 192.52.193.0/24, 192.88.99.0/24, 192.168.0.0/16, 192.175.48.0/24, 198.18.0.0/15, 198.51.100.0/24, 203.0.113.0/24, 224.0.0.0/3]
  - ipBlock:
      cidr: 2000::/3
      except: ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"]
{{- end -}}

{{- define "auction-lib.fullname" -}}
{{- printf "%s-%s" (.root.Release.Name | trunc 30 | trimSuffix "-") .spec.name -}}
{{- end -}}

{{- define "auction-lib.workloadName" -}}
{{- printf "%s-%s" (include "auction-lib.fullname" .) .name -}}
{{- end -}}

{{- define "auction-lib.selectorLabels" -}}
app.kubernetes.io/name: {{ .spec.name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{- define "auction-lib.labels" -}}
{{ include "auction-lib.selectorLabels" . }}
app.kubernetes.io/part-of: auction-platform
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ include "auction-lib.tag" . | trunc 63 | trimAll "-_." | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "auction-lib.tag" -}}
{{- .root.Values.image.tag | default .global.image.tag | default .root.Chart.AppVersion -}}
{{- end -}}

{{- define "auction-lib.image" -}}
{{- $image := .root.Values.image -}}
{{- $repository := $image.repository -}}
{{- with .global.image.registry -}}{{- $repository = printf "%s/%s" . $repository -}}{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (include "auction-lib.tag" .) -}}
{{- end -}}
{{- end -}}

{{- define "auction-lib.serviceAccount" -}}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "auction-lib.fullname" . }}
  labels: {{- include "auction-lib.labels" . | nindent 4 }}
  {{- with .root.Values.serviceAccount.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{ end -}}
