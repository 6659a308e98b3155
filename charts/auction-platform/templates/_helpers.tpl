{{- define "auction-platform.release" -}}
{{- .Release.Name | trunc 30 | trimSuffix "-" -}}
{{- end -}}

{{- define "auction-platform.labels" -}}
app.kubernetes.io/name: gateway
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: auction-platform
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* PathPrefix alone would also take a longer word: /api/v1/items-for-sale. */}}
{{- define "auction-platform.rule" -}}
{{- $rule := "" -}}
{{- if .route.path -}}
{{- $rule = printf "Path(`%s`)" .route.path -}}
{{- else if eq .route.prefix "/" -}}
{{- $rule = "PathPrefix(`/`)" -}}
{{- else -}}
{{- $rule = printf "(Path(`%s`) || PathPrefix(`%s/`))" .route.prefix .route.prefix -}}
{{- end -}}
{{- if .route.methods -}}
{{- $methods := list -}}
{{- range .route.methods -}}{{- $methods = append $methods (printf "Method(`%s`)" .) -}}{{- end -}}
{{- $rule = printf "%s && (%s)" $rule (join " || " $methods) -}}
{{- end -}}
{{- if .host -}}{{- $rule = printf "Host(`%s`) && %s" .host $rule -}}{{- end -}}
{{- $rule -}}
{{- end -}}
