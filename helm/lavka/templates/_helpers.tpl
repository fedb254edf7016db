{{/* The beginning of all names. */}}
{{- define "lavka.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride }}
{{- else if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What all pods of the release have, and nobody else's. */}}
{{- define "lavka.releaseLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "lavka.labels" -}}
{{ include "lavka.releaseLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Of one component: (dict "root" $ "component" "orders"). */}}
{{- define "lavka.selectorLabels" -}}
{{ include "lavka.releaseLabels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "lavka.componentLabels" -}}
{{ include "lavka.labels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* A service with the defaults for what it does not say, as YAML: (dict "root" $ "service" $service). */}}
{{- define "lavka.service" -}}
{{- mustMergeOverwrite (deepCopy .root.Values.defaults) (deepCopy .service) | toYaml }}
{{- end }}

{{/* What scales a service: keda, hpa, or nothing. (dict "root" $ "service" the service with its defaults) */}}
{{- define "lavka.scaler" -}}
{{- if and .root.Values.keda.enabled .service.topics }}keda{{ else if .service.autoscaling.enabled }}hpa{{ end }}
{{- end }}

{{/* The fewest instances a service has. As above. */}}
{{- define "lavka.minReplicas" -}}
{{- if include "lavka.scaler" . }}{{ .service.autoscaling.minReplicas }}{{ else }}{{ .service.replicas }}{{ end }}
{{- end }}

{{/* Of the pod of `helm test`: not one of the shop's. */}}
{{- define "lavka.testLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Where a broker or database is, as peers of a NetworkPolicy; nothing: anywhere. (dict "root" $ "role" "broker" "dev" whether it is bundled "peers" as the values have them) */}}
{{- define "lavka.serverPeers" -}}
{{- if .dev }}
- podSelector:
    matchLabels:
      {{- include "lavka.selectorLabels" (dict "root" .root "component" .role) | nindent 6 }}
{{- else if .peers }}
{{- toYaml .peers }}
{{- end }}
{{- end }}

{{/* A service's image, by digest if it has one. */}}
{{- define "lavka.image" -}}
{{- if .service.digest }}
{{- printf "%s/%s@%s" .root.Values.image.registry .app .service.digest | quote }}
{{- else }}
{{- printf "%s/%s:%s" .root.Values.image.registry .app (.root.Values.image.tag | default .root.Chart.AppVersion) | quote }}
{{- end }}
{{- end }}

{{- define "lavka.secret" -}}
{{- .Values.secrets.existingSecret | default (printf "%s-secrets" (include "lavka.fullname" .)) }}
{{- end }}
{{- define "lavka.daprApiTokenSecret" -}}
{{- .Values.secrets.existingDaprApiToken | default (printf "%s-dapr-api-token" (include "lavka.fullname" .)) }}
{{- end }}
{{- define "lavka.appApiTokenSecret" -}}
{{- .Values.secrets.existingAppApiToken | default (printf "%s-app-api-token" (include "lavka.fullname" .)) }}
{{- end }}
{{- define "lavka.brokerSecret" -}}
{{- .Values.broker.existingSecret | default (printf "%s-broker" (include "lavka.fullname" .)) }}
{{- end }}
{{- define "lavka.stateSecret" -}}
{{- .Values.state.existingSecret | default (printf "%s-database" (include "lavka.fullname" .)) }}
{{- end }}

{{/* The settings of the chosen broker or database, as YAML, with the bundled server's address where that is on: (dict "root" $ "role" "broker"). */}}
{{- define "lavka.server" -}}
{{- $root := .root }}
{{- $name := eq .role "broker" | ternary "broker" "state" }}
{{- $devName := eq .role "broker" | ternary "devBroker" "devDatabase" }}
{{- $values := index $root.Values $name }}
{{- $dev := index $root.Values $devName }}
{{- $server := deepCopy (index $values $values.type) }}
{{- $key := index (dict "kafka" "brokers" "mongodb" "connectionString") $values.type | default "host" }}
{{- if $dev.enabled }}
{{- if $values.existingSecret }}
{{- fail (printf "%s.existingSecret: the bundled server has a password of its own; leave one of them out." $name) }}
{{- end }}
{{- if eq $values.type "mongodb" }}
{{- fail "devDatabase.enabled: there is no bundled MongoDB; it would have to be a replica set. Take state.type postgresql or redis." }}
{{- end }}
{{- /* For KEDA, too, which is in another namespace. */}}
{{- $host := printf "%s-%s.%s.svc" (include "lavka.fullname" $root) .role $root.Release.Namespace }}
{{- $_ := set $server "tls" false }}
{{- $_ := set $server $key (eq $values.type "kafka" | ternary (printf "%s:9092" $host) $host) }}
{{- if eq $values.type "kafka" }}
{{- $_ := set $server "authType" "none" }}
{{- else if eq $values.type "postgresql" }}
{{- $_ := set $server "sslmode" "disable" }}
{{- else if eq $values.type "redis" }}
{{- $_ := set $server "user" "" }}
{{- end }}
{{- else if not (index $server $key) }}
{{- $inSecret := and $values.existingSecret (has $values.type (list "rabbitmq" "mongodb")) }}
{{- if not $inSecret }}
{{- fail (printf "%s.%s.%s: where is it? Or set %s.enabled, for trying things out." $name $values.type $key $devName) }}
{{- end }}
{{- end }}
{{- $server | toYaml }}
{{- end }}

{{/* A generated value that stays what it is: that of the Secret in the cluster, or a new one. (dict "root" $ "name" "the Secret" "key" "its key") */}}
{{- define "lavka.generated" -}}
{{- $secret := lookup "v1" "Secret" .root.Release.Namespace .name | default dict }}
{{- $kept := index ($secret.data | default dict) .key }}
{{- if $kept }}{{ b64dec $kept }}{{ else }}{{ randAlphaNum 40 }}{{ end }}
{{- end }}

{{/* The services that have state and subscribe: all but the Gateway. For scopes. */}}
{{- define "lavka.stateful" -}}
{{- range $app, $service := .Values.services }}
{{- if $service.topics }}
- {{ $app }}
{{- end }}
{{- end }}
{{- end }}

{{/* Who may publish what: each service its own topic, and its dead letters. */}}
{{- define "lavka.publishingScopes" -}}
{{- $scopes := list }}
{{- range $app, $service := .Values.services }}
{{- $scopes = append $scopes (ternary (printf "%s=%s,%s.dead-letters" $app $app $app) (printf "%s=" $app) (not (empty $service.topics))) }}
{{- end }}
  - name: publishingScopes
    value: {{ join ";" $scopes | quote }}
{{- end }}

{{/* What subscriptions go through, after "pubsub-": the topics, and the dead letters of all services. */}}
{{- define "lavka.sources" -}}
{{- $topics := list "dead-letters" }}
{{- range .Values.services }}
{{- $topics = concat $topics (.topics | default list) }}
{{- end }}
{{- $topics | uniq | sortAlpha | toJson }}
{{- end }}

{{/* Whether a service listens to each topic through a component of its own, or nothing: (dict "root" $ "app" its app id). Loyalty listens to one topic, and to no dead letters. */}}
{{- define "lavka.apart" -}}
{{- if and (eq .root.Values.broker.type "rabbitmq") (index .root.Values.services .app).topics (ne .app "loyalty") }}true{{ end }}
{{- end }}
