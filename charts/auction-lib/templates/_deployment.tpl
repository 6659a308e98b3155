{{- define "auction-lib.deployment" -}}
{{- $values := .values -}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "auction-lib.workloadName" . }}
  labels:
    {{- include "auction-lib.labels" . | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
spec:
  {{- /* The autoscaler owns the number: two owners would undo each other at every upgrade. */}}
  {{- if not (eq (include "auction-lib.isScaled" .) "true") }}
  replicas: {{ $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  minReadySeconds: 2
  strategy:
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
  selector:
    matchLabels:
      {{- include "auction-lib.selectorLabels" . | nindent 6 }}
      app.kubernetes.io/component: {{ .name }}
  template:
    metadata:
      labels:
        {{- include "auction-lib.labels" . | nindent 8 }}
        app.kubernetes.io/component: {{ .name }}
        {{- with .root.Values.podLabels }}{{ toYaml . | nindent 8 }}{{ end }}
      annotations:
        kubectl.kubernetes.io/default-container: {{ .name }}
        {{- with .root.Values.podAnnotations }}{{ toYaml . | nindent 8 }}{{ end }}
    spec:
      serviceAccountName: {{ include "auction-lib.fullname" . }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- include "auction-lib.pullSecrets" . | nindent 6 }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      securityContext: {{- include "auction-lib.podSecurity" . | nindent 8 }}
      {{- /* Time to drain, for the longest request or message in hand, and to publish what is left. */}}
      terminationGracePeriodSeconds: {{ ternary 45 90 (hasKey .workload "port") }}
      topologySpreadConstraints:
        {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - maxSkew: 1
          topologyKey: {{ $key }}
          whenUnsatisfiable: ScheduleAnyway
          matchLabelKeys: [pod-template-hash]
          labelSelector:
            matchLabels:
              {{- include "auction-lib.selectorLabels" $ | nindent 14 }}
              app.kubernetes.io/component: {{ $.name }}
        {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - {{- include "auction-lib.container" . | nindent 10 }}
          ports:
            {{- if .workload.port }}
            - { name: http, containerPort: 8080 }
            {{- end }}
            {{- with .workload.grpcPort }}
            - { name: grpc, containerPort: {{ . }} }
            {{- end }}
            - { name: ops, containerPort: 9090 }
          {{- /* Liveness touches no dependency: a lost database must not restart every pod. */}}
          startupProbe:
            httpGet: { path: /health/startup, port: ops }
            periodSeconds: 2
            timeoutSeconds: 5
            failureThreshold: 90
          livenessProbe:
            httpGet: { path: /health/live, port: ops }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /health/ready, port: ops }
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 2
      volumes: {{- include "auction-lib.volumes" . | nindent 8 }}
{{ end -}}

{{- define "auction-lib.kubeService" -}}
{{- if .workload.port }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "auction-lib.fullname" . }}
  labels: {{- include "auction-lib.labels" . | nindent 4 }}
spec:
  selector:
    {{- include "auction-lib.selectorLabels" . | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
  ports:
    - { name: http, port: 8080, targetPort: http, appProtocol: http }
    {{- with .workload.grpcPort }}
    - { name: grpc, port: {{ . }}, targetPort: grpc, appProtocol: kubernetes.io/h2c }
    {{- end }}
{{ end -}}
{{- end -}}

{{/* Where KEDA reads a number that only this workload knows. */}}
{{- define "auction-lib.opsService" -}}
{{- if and .workload.forecast .global.keda.enabled }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "auction-lib.workloadName" . }}-ops
  labels: {{- include "auction-lib.labels" . | nindent 4 }}
spec:
  selector:
    {{- include "auction-lib.selectorLabels" . | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
  ports:
    - { name: ops, port: 9090, targetPort: ops, appProtocol: http }
{{ end -}}
{{- end -}}
