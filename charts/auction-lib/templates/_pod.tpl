{{/* What every container of the platform may do: nothing that it does not need. */}}
{{- define "auction-lib.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "auction-lib.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: {{ . }}
capabilities: { drop: [ALL] }
{{- end -}}

{{/* The container of a workload or job, without probes and ports. */}}
{{- define "auction-lib.container" -}}
name: {{ .name }}
image: {{ include "auction-lib.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{- if and .global.dev.enabled (hasKey .spec.workloads .name) }}
{{- /* Node loses sight of a file that a copy replaces, so skaffold.yaml writes into this one. */}}
command:
  - sh
  - -c
  - >-
    mkdir -p /tmp/dev && touch /tmp/dev/synced &&
    exec node {{ range .workload.node }}{{ . }} {{ end }}--watch-path=/tmp/dev --watch-preserve-output --import @auction/common/telemetry/register.ts {{ .workload.entry }}
{{- else }}
command: [node, {{ range .workload.node }}{{ . }}, {{ end }}--import, "@auction/common/telemetry/register.ts", {{ .workload.entry }}]
{{- end }}
env: {{- include "auction-lib.environment" . | nindent 2 }}
resources: {{- toYaml .values.resources | nindent 2 }}
securityContext: {{- include "auction-lib.containerSecurity" (not .global.dev.enabled) | nindent 2 }}
volumeMounts:
  - { name: tmp, mountPath: /tmp }
  {{- if include "auction-lib.claim" . }}
  - { name: data, mountPath: /data }
  {{- end }}
  {{- if .global.caBundle.configMap }}
  - { name: ca, mountPath: /etc/auction/ca, readOnly: true }
  {{- end }}
{{- end -}}

{{/* The claim that a workload mounts: none when a bucket takes what would lie there. */}}
{{- define "auction-lib.claim" -}}
{{- with .workload.claim -}}
{{- $values := index $.root.Values . -}}
{{- if not $values.s3.bucket -}}
{{- $values.existingClaim | default (printf "%s-%s" (include "auction-lib.fullname" $) .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "auction-lib.volumes" -}}
- { name: tmp, emptyDir: { sizeLimit: 64Mi } }
{{- with include "auction-lib.claim" . }}
- { name: data, persistentVolumeClaim: { claimName: {{ . }} } }
{{- end }}
{{- with .global.caBundle.configMap }}
- { name: ca, configMap: { name: {{ . }} } }
{{- end }}
{{- end -}}

{{- define "auction-lib.pullSecrets" -}}
{{- with .global.image.pullSecrets }}
imagePullSecrets: {{- range . }}
  - { name: {{ . }} }
{{- end }}
{{- end }}
{{- end -}}
