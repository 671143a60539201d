{{- define "millrace.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "millrace.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "millrace.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "millrace.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "millrace.selectorLabels" -}}
app.kubernetes.io/name: {{ include "millrace.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "millrace.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "millrace.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "millrace.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "millrace.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "millrace.configMapName" -}}
{{- default (include "millrace.fullname" .) .Values.existingConfigMap -}}
{{- end -}}

{{- define "millrace.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The file of Millrace: the values' `config` with what the chart itself must know. */}}
{{- define "millrace.config" -}}
{{- $ours := dict
      "metrics" (dict "bind" (printf "%s:%d" .Values.metrics.address (int .Values.metrics.port)))
      "shutdown" (dict "drain" (printf "%ds" (int .Values.drain.seconds))) -}}
{{- mergeOverwrite (deepCopy .Values.config) $ours | toYaml -}}
{{- end -}}

{{/* The TCP ports as a JSON list of numbers, each once, in order: those of `ports` or of the listeners' binds. */}}
{{- define "millrace.ports" -}}
{{- $ports := list -}}
{{- range .Values.ports -}}
{{- $ports = append $ports (int .) -}}
{{- end -}}
{{- if not .Values.ports -}}
{{- range .Values.config.listeners -}}
{{- range (kindIs "slice" .bind | ternary .bind (list .bind)) -}}
{{- if not (hasPrefix "unix:" .) -}}
{{- $ports = append $ports (splitList ":" . | last | int) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- uniq $ports | toJson -}}
{{- end -}}

{{- define "millrace.gracePeriod" -}}
{{- $least := add (int .Values.drain.delaySeconds) (int .Values.drain.seconds) -}}
{{- if kindIs "invalid" .Values.drain.terminationGracePeriodSeconds -}}
{{- add $least 10 -}}
{{- else if le (int .Values.drain.terminationGracePeriodSeconds) (int $least) -}}
{{- fail (printf "drain.terminationGracePeriodSeconds must be above drain.delaySeconds + drain.seconds = %d: the kubelet would kill a draining Millrace" $least) -}}
{{- else -}}
{{- int .Values.drain.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end -}}

{{/* What one value cannot know of another one. Every manifest that has a workload includes it. */}}
{{- define "millrace.validate" -}}
{{- if and .Values.existingConfigMap (not .Values.ports) -}}
{{- fail "existingConfigMap needs `ports`: the chart does not see that configuration" -}}
{{- end -}}
{{- if not (include "millrace.ports" . | fromJsonArray) -}}
{{- fail "no TCP port: `config.listeners` has none and `ports` is empty" -}}
{{- end -}}
{{- if has (float64 .Values.metrics.port) (include "millrace.ports" . | fromJsonArray) -}}
{{- fail (printf "metrics.port %d is the port of a listener, too" (int .Values.metrics.port)) -}}
{{- end -}}
{{- if and (eq .Values.kind "DaemonSet") .Values.autoscaling.enabled -}}
{{- fail "autoscaling needs kind: Deployment" -}}
{{- end -}}
{{- if and .Values.hostNetwork .Values.sysctls -}}
{{- fail "sysctls and hostNetwork exclude each other: the node's network has the node's settings" -}}
{{- end -}}
{{- if and .Values.service.externalTrafficPolicy (eq .Values.service.type "ClusterIP") -}}
{{- fail "service.externalTrafficPolicy needs service.type NodePort or LoadBalancer" -}}
{{- end -}}
{{- if and (eq .Values.seccomp.type "Localhost") (not .Values.seccomp.localhostProfile) -}}
{{- fail "seccomp.type Localhost needs seccomp.localhostProfile" -}}
{{- end -}}
{{- end -}}
