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

{{- define "auction-lib.settings.webhooks" }}
{{- $secret := .global.secrets.notification }}
- { name: WEBHOOK_SEAL_KEY, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: WEBHOOK_SEAL_KEY } } }
- { name: WEBHOOK_SEAL_KEY_OTHER, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: WEBHOOK_SEAL_KEY_OTHER, optional: true } } }
- { name: VAPID_PUBLIC_KEY, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: VAPID_PUBLIC_KEY, optional: true } } }
- { name: VAPID_PRIVATE_KEY, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: VAPID_PRIVATE_KEY, optional: true } } }
- { name: VAPID_SUBJECT, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: VAPID_SUBJECT, optional: true } } }
{{- end -}}

{{/* Who reports what became of mails. */}}
{{- define "auction-lib.settings.mailReports" }}
- { name: MAIL_REPORT_SECRET, valueFrom: { secretKeyRef: { name: {{ .global.secrets.notification }}, key: MAIL_REPORT_SECRET, optional: true } } }
{{- end -}}

{{/* Seals the addresses that parcels go to. */}}
{{- define "auction-lib.settings.addresses" }}
{{- $secret := .global.secrets.order }}
- { name: ORDER_SEAL_KEY, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: ORDER_SEAL_KEY } } }
- { name: ORDER_SEAL_KEY_OTHER, valueFrom: { secretKeyRef: { name: {{ $secret }}, key: ORDER_SEAL_KEY_OTHER, optional: true } } }
{{- end -}}

{{/* Without a Secret no one can pay. */}}
{{- define "auction-lib.settings.payments" }}
{{- with .root.Values.stripe.existingSecret }}
- { name: STRIPE_SECRET_KEY, valueFrom: { secretKeyRef: { name: {{ . }}, key: STRIPE_SECRET_KEY } } }
- { name: STRIPE_WEBHOOK_SECRET, valueFrom: { secretKeyRef: { name: {{ . }}, key: STRIPE_WEBHOOK_SECRET } } }
{{- with $.root.Values.stripe.connect }}
{{- if .enabled }}
- { name: STRIPE_CONNECT, value: "true" }
{{- if .hasWebhookSecret }}
- { name: STRIPE_CONNECT_WEBHOOK_SECRET, valueFrom: { secretKeyRef: { name: {{ $.root.Values.stripe.existingSecret }}, key: STRIPE_CONNECT_WEBHOOK_SECRET } } }
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with .root.Values.mollie.existingSecret }}
- { name: MOLLIE_API_KEY, valueFrom: { secretKeyRef: { name: {{ . }}, key: MOLLIE_API_KEY } } }
- { name: MOLLIE_WEBHOOK_SECRET, valueFrom: { secretKeyRef: { name: {{ . }}, key: MOLLIE_WEBHOOK_SECRET } } }
{{- end }}
{{- end -}}

{{/* The server that takes mails; without a host they wait. */}}
{{- define "auction-lib.settings.smtp" }}
{{- $smtp := .root.Values.smtp }}
{{- if $smtp.host }}
- { name: SMTP_HOST, value: {{ $smtp.host | quote }} }
- { name: SMTP_PORT, value: {{ $smtp.port | quote }} }
- { name: SMTP_TLS, value: {{ $smtp.tls }} }
{{- with $smtp.ca }}
- { name: SMTP_CA, value: {{ . | quote }} }
{{- end }}
{{- with $smtp.existingSecret }}
- { name: SMTP_USERNAME, valueFrom: { secretKeyRef: { name: {{ . }}, key: SMTP_USERNAME } } }
- { name: SMTP_PASSWORD, valueFrom: { secretKeyRef: { name: {{ . }}, key: SMTP_PASSWORD } } }
{{- end }}
- { name: MAIL_FROM, value: {{ required "notification.smtp.from is needed with notification.smtp.host" $smtp.from | quote }} }
- { name: MAIL_FROM_NAME, value: {{ $smtp.fromName | quote }} }
- { name: MAIL_REPLY_TO, value: {{ $smtp.replyTo | quote }} }
- { name: MAIL_BOUNCE_ADDRESS, value: {{ $smtp.bounceAddress | quote }} }
{{- with $smtp.dkim.existingSecret }}
- { name: DKIM_DOMAIN, value: {{ $smtp.dkim.domain | quote }} }
- { name: DKIM_SELECTOR, value: {{ $smtp.dkim.selector | quote }} }
- { name: DKIM_PRIVATE_KEY, valueFrom: { secretKeyRef: { name: {{ . }}, key: DKIM_PRIVATE_KEY } } }
{{- end }}
{{- end }}
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
