{{- define "auction-data.name" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 30 | trimSuffix "-" -}}
{{- end -}}

{{- define "auction-data.labels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: auction-platform
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Goes on in a map of labels. Operators write their own app.kubernetes.io/instance. */}}
{{- define "auction-data.ofRelease" -}}
{{- if eq .Values.mode "statefulset" }}, app.kubernetes.io/instance: {{ .Release.Name }}{{ end }}
{{- end -}}

{{- define "auction-data.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "auction-data.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "auction-data.claim" -}}
- metadata: { name: data }
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .className }}
    storageClassName: {{ . }}
    {{- end }}
    resources: { requests: { storage: {{ .size }} } }
{{- end -}}

{{/* The services that own a database, of services.yaml or of the values. */}}
{{- define "auction-data.databases" -}}
{{- $databases := .Values.databases -}}
{{- if not $databases -}}
{{- range (.Files.Get "services.yaml" | fromYaml).services -}}
{{- if .database -}}{{- $databases = append $databases .name -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $databases -}}
{{- end -}}

{{/* The processes and jobs that read one of these groups of settings, by service. */}}
{{- define "auction-data.processesWith" -}}
{{- $found := dict -}}
{{- $settings := .settings -}}
{{- range $service := (.root.Files.Get "services.yaml" | fromYaml).services -}}
{{- range $name, $process := merge (dict) $service.workloads $service.jobs -}}
{{- $isOne := false -}}
{{- range $settings -}}{{- $isOne = or $isOne (has . $process.settings) -}}{{- end -}}
{{- if $isOne -}}
{{- $_ := set $found $service.name (append (index $found $service.name | default list) $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/*
The broker's users: one for every service with a worker that reads the settings "broker", and those of
the values, which win. A service publishes to its own exchanges, moves what it could not handle to its
own retry and dead-letter queues, reads its own queues, and declares nothing. Exchanges are named
auction.<word>; the version at the end of a queue's name keeps them out of the rights of the service auction.
*/}}
{{- define "auction-data.users" -}}
{{- $users := dict -}}
{{- range $service := (.Files.Get "services.yaml" | fromYaml).services -}}
{{- range $service.workloads -}}
{{- if has "broker" .settings -}}
{{- $words := join "|" $service.publishes -}}
{{- if gt (len $service.publishes) 1 -}}{{- $words = printf "(%s)" $words -}}{{- end -}}
{{- $moves := printf "%s\\.moves" $service.name -}}
{{- $write := printf "^%s$" $moves -}}
{{- if $words -}}{{- $write = printf "^(auction\\.%s|%s)$" $words $moves -}}{{- end -}}
{{- $read := printf "^%s\\." $service.name -}}
{{- if eq $service.name "auction" -}}{{- $read = "^auction\\.[a-z_]+\\.[a-z_.]+\\.v[0-9]+" -}}{{- end -}}
{{- $_ := set $users $service.name (dict "permissions" (dict "configure" "^$" "write" $write "read" $read)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $users = mergeOverwrite $users (deepCopy .Values.rabbitmq.users) -}}
{{- range $user, $rights := $users -}}
{{- range list "configure" "write" "read" -}}
{{- if not (hasKey ($rights.permissions | default dict) .) -}}
{{- fail (printf "rabbitmq.users.%s.permissions.%s is missing: a user that is no service needs all three" $user .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $users | toJson -}}
{{- end -}}
