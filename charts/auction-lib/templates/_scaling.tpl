{{/* KEDA asks from its own namespace, so a bare name of ours gets the namespace. */}}
{{- define "auction-lib.qualified" -}}
{{- $url := urlParse .url -}}
{{- $host := $url.host | splitList ":" | first -}}
{{- if contains "." $host -}}{{ .url }}{{- else -}}{{ .url | replace (printf "//%s" $host) (printf "//%s.%s" $host .namespace) }}{{- end -}}
{{- end -}}

{{- define "auction-lib.isScaled" -}}
{{- if and .workload.queues .global.keda.enabled .values.autoscaling.enabled -}}true
{{- else if and .workload.port .values.autoscaling.enabled -}}true
{{- end -}}
{{- end -}}

{{- define "auction-lib.hpa" -}}
{{- $scaling := .values.autoscaling -}}
{{- if and .workload.port $scaling.enabled }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "auction-lib.workloadName" . }}
  labels: {{- include "auction-lib.labels" . | nindent 4 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ include "auction-lib.workloadName" . }} }
  minReplicas: {{ $scaling.minReplicas }}
  maxReplicas: {{ $scaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: { type: Utilization, averageUtilization: {{ $scaling.targetCPUUtilizationPercentage }} }
  behavior:
    {{- /* The last seconds of a popular lot do not wait; a quiet minute is no reason to shrink. */}}
    scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: Percent, value: 100, periodSeconds: 15 }] }
    scaleDown: { stabilizationWindowSeconds: {{ $scaling.scaleDownStabilizationSeconds }}, policies: [{ type: Pods, value: 1, periodSeconds: 60 }] }
{{ end -}}
{{- end -}}

{{/*
Messages ready or in hand (the http protocol counts both), summed over the service's queues without
retries and dead letters: those are work for later, or for people. Where lots are about to end, workers
start before the flood instead of after it, and the larger of both numbers counts.
*/}}
{{- define "auction-lib.scaledObject" -}}
{{- $scaling := .values.autoscaling -}}
{{- if and .workload.queues .global.keda.enabled $scaling.enabled }}
{{- $name := include "auction-lib.workloadName" . }}
{{- $release := .root.Release.Name | trunc 30 | trimSuffix "-" }}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata:
  name: {{ $name }}
  labels: {{- include "auction-lib.labels" . | nindent 4 }}
spec:
  secretTargetRef:
    {{- $secret := printf .global.rabbitmq.existingSecret "keda" }}
    - { parameter: username, name: {{ $secret }}, key: username }
    - { parameter: password, name: {{ $secret }}, key: password }
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ $name }}
  labels: {{- include "auction-lib.labels" . | nindent 4 }}
spec:
  scaleTargetRef: { name: {{ $name }} }
  pollingInterval: {{ $scaling.pollingIntervalSeconds }}
  minReplicaCount: {{ $scaling.minReplicas }}
  maxReplicaCount: {{ $scaling.maxReplicas }}
  {{- /* A broker that cannot be asked is no reason to send workers home. */}}
  fallback: { failureThreshold: 3, replicas: {{ $scaling.minReplicas }}, behavior: currentReplicasIfHigher }
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: Percent, value: 100, periodSeconds: 15 }] }
        scaleDown: { stabilizationWindowSeconds: {{ $scaling.scaleDownStabilizationSeconds }}, policies: [{ type: Pods, value: 1, periodSeconds: 30 }] }
    scalingModifiers:
      target: {{ $scaling.messagesPerReplica | quote }}
      metricType: AverageValue
      {{- if .workload.forecastFrom }}
      formula: {{ printf "max(backlog, ending * %v)" $scaling.messagesPerEndingLot | quote }}
      {{- else }}
      formula: backlog + 0
      {{- end }}
  triggers:
    - type: rabbitmq
      name: backlog
      metadata:
        protocol: http
        host: {{ include "auction-lib.qualified" (dict "url" .global.rabbitmq.managementUrl "namespace" .root.Release.Namespace) | quote }}
        queueName: {{ .workload.queues | quote }}
        useRegex: "true"
        operation: sum
        mode: QueueLength
        value: {{ $scaling.messagesPerReplica | quote }}
        timeout: "5000"
      authenticationRef: { name: {{ $name }} }
    {{- with .workload.forecastFrom }}
    - type: metrics-api
      name: ending
      metadata:
        url: "http://{{ $release }}-{{ .workload }}-ops.{{ $.root.Release.Namespace }}:9090/metrics"
        format: prometheus
        valueLocation: {{ .metric }}
        targetValue: {{ $scaling.messagesPerReplica | quote }}
    {{- end }}
{{ end -}}
{{- end -}}

{{- define "auction-lib.pdb" -}}
{{- $replicas := .values.replicas -}}
{{- if eq (include "auction-lib.isScaled" .) "true" -}}{{- $replicas = .values.autoscaling.minReplicas -}}{{- end -}}
{{- if gt (int $replicas) 1 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "auction-lib.workloadName" . }}
  labels: {{- include "auction-lib.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "auction-lib.selectorLabels" . | nindent 6 }}
      app.kubernetes.io/component: {{ .name }}
{{ end -}}
{{- end -}}
