{{/*
Runs before anything of the release is touched, so it may use only what is there already: Secrets
of an earlier release and the namespace's default account, without its token. It is kept until the
next one, for its log.
*/}}
{{- define "auction-lib.job" -}}
{{- if .values.enabled }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "auction-lib.workloadName" . }}
  labels:
    {{- include "auction-lib.labels" . | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "0"
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  backoffLimit: 6
  activeDeadlineSeconds: {{ .values.deadlineSeconds }}
  template:
    metadata:
      labels:
        {{- include "auction-lib.labels" . | nindent 8 }}
        app.kubernetes.io/component: {{ .name }}
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- include "auction-lib.pullSecrets" . | nindent 6 }}
      securityContext: {{- include "auction-lib.podSecurity" . | nindent 8 }}
      containers:
        - {{- include "auction-lib.container" . | nindent 10 }}
      volumes: {{- include "auction-lib.volumes" . | nindent 8 }}
{{ end -}}
{{- end -}}
