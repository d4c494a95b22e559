{{- define "streamer.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* A StatefulSet's pods get -N behind it, and a label of 63 characters with a hash: 52 are left. */}}
{{- define "streamer.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "streamer.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "streamer.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "streamer.selector" -}}
app.kubernetes.io/name: {{ include "streamer.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "streamer.testSelector" -}}
app.kubernetes.io/name: {{ include "streamer.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "streamer.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "streamer.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "streamer.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "streamer.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "streamer.image" -}}
{{- $image := .Values.image -}}
{{- $repository := required "image.repository is empty: build the image with `make image`, push it, and name it here" $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "streamer.tenantsConfigMap" -}}
{{- .Values.existingTenantsConfigMap | default (printf "%s-tenants" (include "streamer.fullname" .)) -}}
{{- end -}}

{{/* What the chart decides goes over what the values say. */}}
{{- define "streamer.config" -}}
{{- range $key := list "tenants" "tenants_dir" "secrets_dir" "server" -}}
{{- if hasKey $.Values.config $key -}}
{{- fail (printf "config.%s is set by the chart: use the values tenants, secrets and server" $key) -}}
{{- end -}}
{{- end -}}
{{- if and (eq (toString .Values.config.store) "kafka") (not .Values.config.kafka.bootstrap_servers) -}}
{{- fail "config.kafka.bootstrap_servers is empty: name the brokers, [kafka.kafka.svc:9092] say" -}}
{{- end -}}
{{- $own := dict "tenants_dir" "/etc/streamer/tenants" "secrets_dir" "/run/secrets/streamer" "server" (dict "host" "0.0.0.0" "port" .Values.server.port "show_agents" .Values.server.showAgents) -}}
{{- merge $own .Values.config | toYaml -}}
{{- end -}}
