{{/*
The environment of one container: addresses from the release, everything secret from Secrets that
exist already, and the operator's own settings last.
*/}}
{{- define "auction-lib.environment" -}}
{{- $g := .global -}}
{{- $service := .spec.name -}}
{{- $release := .root.Release.Name | trunc 30 | trimSuffix "-" -}}
- { name: LOG_LEVEL, value: {{ $g.logLevel | quote }} }
{{- if hasKey .spec.workloads .name }}
- { name: SHUTDOWN_DRAIN_MS, value: {{ ternary "8000" "0" (and (hasKey .workload "port") (not $g.dev.enabled)) | quote }} }
{{- end }}
{{- if $g.otlp.endpoint }}
- { name: OTEL_SERVICE_NAME, value: {{ $service | quote }} }
- { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ $g.otlp.endpoint | quote }} }
- { name: OTEL_TRACES_SAMPLE_RATIO, value: {{ $g.otlp.sampleRatio | quote }} }
- { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
- { name: OTEL_RESOURCE_ATTRIBUTES, value: "service.instance.id=$(POD_NAME),k8s.pod.name=$(POD_NAME),k8s.namespace.name={{ .root.Release.Namespace }}" }
{{- end }}
{{- if $g.caBundle.configMap }}
- { name: NODE_EXTRA_CA_CERTS, value: /etc/auction/ca/{{ $g.caBundle.key }} }
{{- end }}
{{- with .workload.grpcPort }}
- { name: GRPC_PORT, value: {{ . | quote }} }
{{- end }}
{{- range .workload.calls }}
- { name: {{ upper . }}_URL, value: "http://{{ $release }}-{{ . }}:8080" }
{{- end }}
{{- range .workload.settings }}
{{- include (printf "auction-lib.settings.%s" .) $ }}
{{- end }}
{{- range $name, $value := .root.Values.config }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end -}}

{{- define "auction-lib.settings.postgres" }}
{{- $pg := .global.postgres }}
{{- $secret := printf $pg.existingSecret .spec.name }}
- { name: POSTGRES_HOST, value: {{ printf $pg.host .spec.name | quote }} }
- { name: POSTGRES_PORT, value: {{ $pg.port | quote }} }
- { name: POSTGRES_SSLMODE, value: {{ $pg.sslmode | quote }} }
- { name: POSTGRES_DATABASE, value: {{ .spec.name | quote }} }
- { name: POSTGRES_USERNAME, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: username } } }
- { name: POSTGRES_PASSWORD, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: password } } }
{{- end -}}

{{/* The service's own user of the broker, who may use its queues and declare nothing. */}}
{{- define "auction-lib.settings.broker" }}
{{- include "auction-lib.brokerUser" (dict "c" . "user" .spec.name "topology" "expect") }}
{{- end -}}

{{/* The user who may declare. */}}
{{- define "auction-lib.settings.topology" }}
{{- include "auction-lib.brokerUser" (dict "c" . "user" "topology" "topology" "declare") }}
{{- /* A pod that the network has not let through by then makes room for another. */}}
- { name: WAIT_FOR_BROKER_MS, value: "30000" }
{{- end -}}

{{- define "auction-lib.brokerUser" }}
{{- $mq := .c.global.rabbitmq }}
{{- $secret := printf $mq.existingSecret .user }}
- { name: RABBITMQ_URL, value: {{ $mq.url | quote }} }
- { name: RABBITMQ_TOPOLOGY, value: {{ .topology }} }
- { name: RABBITMQ_USERNAME, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: username } } }
- { name: RABBITMQ_PASSWORD, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: password } } }
{{- end -}}

{{/* Verifies access tokens by identity's published keys. */}}
{{- define "auction-lib.settings.verify" }}
{{- $release := .root.Release.Name | trunc 30 | trimSuffix "-" }}
- { name: JWKS_URL, value: "http://{{ $release }}-identity:8080/identity/.well-known/jwks.json" }
{{- end -}}

{{/* Calls between services. */}}
{{- define "auction-lib.settings.internal" }}
- { name: INTERNAL_JWT_SECRET, valueFrom: { secretKeyRef: { name: {{ .global.secrets.internal }}, key: INTERNAL_JWT_SECRET } } }
{{- end -}}

{{- define "auction-lib.settings.publicUrl" }}
- { name: PUBLIC_URL, value: {{ .global.publicUrl | quote }} }
{{- end -}}

{{- define "auction-lib.settings.proxies" }}
- { name: TRUSTED_PROXIES, value: {{ join "," .global.trustedProxies | quote }} }
{{- end -}}

{{- define "auction-lib.settings.encryption" }}
{{- $secret := .global.secrets.identity }}
- { name: KEY_ENCRYPTION_KEY, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: KEY_ENCRYPTION_KEY } } }
- { name: KEY_ENCRYPTION_KEY_OTHER, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: KEY_ENCRYPTION_KEY_OTHER, optional: true } } }
{{- end -}}

{{- define "auction-lib.settings.mail" }}
- { name: MAIL_SEAL_KEY, valueFrom: { secretKeyRef: { name: {{ .global.secrets.identity }}, key: MAIL_SEAL_KEY } } }
{{- end -}}

{{/* Pictures are objects of a bucket, or files of a volume that every process of the service mounts. */}}
{{- define "auction-lib.settings.images" }}
{{- $s3 := .root.Values.images.s3 }}
{{- if $s3.bucket }}
- { name: S3_BUCKET, value: {{ $s3.bucket | quote }} }
- { name: S3_REGION, value: {{ $s3.region | quote }} }
- { name: S3_ENDPOINT, value: {{ $s3.endpoint | quote }} }
{{- with $s3.existingSecret }}
- { name: S3_ACCESS_KEY, valueFrom: { secretKeyRef: { name: {{ . }}, key: S3_ACCESS_KEY } } }
- { name: S3_SECRET_KEY, valueFrom: { secretKeyRef: { name: {{ . }}, key: S3_SECRET_KEY } } }
{{- end }}
{{- else }}
- { name: IMAGES_FOLDER, value: /data/images }
{{- end }}
{{- end -}}
